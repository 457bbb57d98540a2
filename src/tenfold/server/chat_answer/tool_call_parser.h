// ToolCallParser: finds the calls of tools in an answer while it is written.
//
//   kText ──marker──▶ kMarker ──{──▶ kCall ──}──▶ kBehindCall ──another──▶ kCall
//     ▲                  │            │ no call       │ nothing more of it
//     └──────────────────┴────────────┴───────────────┘
//
// What looks like a call and is none stays text, unless its name is out already. White space around calls goes.
// Wherever the pieces are cut, the sum of what comes out is the same.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "tenfold/server/chat_answer/call_scanner.h"
#include "tenfold/server/chat_answer/chat_delta.h"
#include "tenfold/server/chat_answer/held_text.h"
#include "tenfold/server/chat_answer/tool_call_format.h"

namespace tenfold::server {

class ToolCallParser {
 public:
  // `tools` may be called. Formats with a marker take a model at its word when it calls another one; a Llama's JSON
  // without a marker is a call only when it names one of them.
  ToolCallParser(ToolCallFormat format, std::set<std::string> tools);

  // Appends what became certain, to content and tool_calls only.
  void Feed(std::string_view text, ChatDelta& out);
  // The answer has ended: what was kept back comes out.
  void Finish(ChatDelta& out);

  int num_calls() const { return num_calls_; }
  int num_whole_calls() const { return num_whole_calls_; }  // that have come to their ends

 private:
  enum class State {
    kBegin,      // of a Llama's answer, which is one call or more, or text
    kText,       // until a marker
    kPlainText,  // without any
    kMarker,     // behind one
    kName,       // of a Mistral's call, in front of its arguments
    kCall,       // in the object that has name and arguments
    kArguments,  // in the object that is the arguments
    kBehindCall,
    kBehindBroken,  // what follows a call that breaks off, up to Hermes' end or that of the answer
    kBehindLast,    // white space
  };

  // One move; false when more text is needed.
  bool Advance(ChatDelta& out);
  bool AdvanceBegin();
  bool AdvanceText(ChatDelta& out);
  bool AdvanceMarker(ChatDelta& out);
  bool AdvanceName(ChatDelta& out);
  bool AdvanceCall(ChatDelta& out);
  bool AdvanceArguments(ChatDelta& out);
  bool AdvanceBehindCall(ChatDelta& out);
  bool AdvanceBehindBroken();
  bool AdvanceBehindLast();

  void BeginCall(std::string id, std::string name, ChatDelta& out);
  void AddContent(std::string_view text, ChatDelta& out);
  // What was taken for a call is text.
  void Revert(ChatDelta& out);
  // Takes bytes away that may come back as text.
  void Consume(size_t size);

  ToolCallFormat format_;
  std::set<std::string> tools_;
  State state_;
  HeldText held_;
  std::string consumed_;      // since the text, while it may still be text
  bool has_marker_ = false;   // says that a call follows
  bool in_array_ = false;     // of a Mistral's calls
  bool call_is_out_ = false;  // the current one's name
  int num_calls_ = 0;
  int num_whole_calls_ = 0;
  bool has_content_ = false;
  std::string gap_;  // white space between the text and the calls, for text behind them
  CallScanner scanner_;
  JsonNesting nesting_;
};

}  // namespace tenfold::server
