// TextDocuments: a text as the documents that it holds, in chunks that can be encoded one by one.
//
// A separator ("<|endoftext|>") ends a document; so does the end of the text. Documents of white space alone are left
// out. A long document comes in several chunks, cut where words begin (tokenizer/text_cut.h). Chunks depend on the text
// and the separator alone. Reads the text once, from the beginning; holds nothing of it.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace tenfold::training {

class TextDocuments {
 public:
  struct Chunk {
    std::string_view text;  // not empty
    bool begins_document;
    bool ends_document;
  };

  // An empty separator occurs nowhere. Both texts outlive this.
  TextDocuments(std::string_view text, std::string_view separator, size_t limit_bytes)
      : rest_(text), separator_(separator), limit_bytes_(limit_bytes) {}

  std::optional<Chunk> Next();

  // Of those before what Next gave last.
  bool found_separator() const { return found_separator_; }
  size_t num_bytes_left() const { return rest_.size() + document_.size(); }

 private:
  bool FindDocument();

  std::string_view rest_;      // behind the document
  std::string_view document_;  // what is left of it
  std::string_view separator_;
  size_t limit_bytes_;
  bool found_separator_ = false;
};

}  // namespace tenfold::training
