#include "tenfold/tokenizer/jinja/json_text.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

#include "tenfold/tokenizer/jinja/characters.h"
#include "tenfold/tokenizer/jinja/print.h"
#include "tenfold/tokenizer/utf8.h"

namespace tenfold::tokenizer::jinja {
namespace {

Result<Value> Read(Workspace& workspace, const json::value& value, bool is_input, int depth);

Result<Value> ReadArray(Workspace& workspace, const json::array& array, bool is_input, int depth) {
  RETURN_IF_ERROR(workspace.CheckValueDepth(depth));
  std::vector<Value> items;
  items.reserve(array.size());
  for (const json::value& item : array) {
    ASSIGN_OR_RETURN(items.emplace_back(), Read(workspace, item, is_input, depth + 1));
  }
  return workspace.NewList(std::move(items));
}

Result<Value> ReadObject(Workspace& workspace, const json::object& object, bool is_input, int depth) {
  RETURN_IF_ERROR(workspace.CheckValueDepth(depth));
  ASSIGN_OR_RETURN(Dict * dict, workspace.NewDict());
  for (const auto& [key, item] : object) {
    ASSIGN_OR_RETURN(const Value name, workspace.NewText(Text(std::string(key), is_input)));
    ASSIGN_OR_RETURN(const Value content, Read(workspace, item, is_input, depth + 1));
    RETURN_IF_ERROR(workspace.Set(*dict, name.Marked(is_input), content));
  }
  return Value(dict);
}

Result<Value> ReadPlain(Workspace& workspace, const json::value& value, bool is_input, int depth) {
  switch (value.kind()) {
    case json::kind::null:
      return Value(None{});
    case json::kind::bool_:
      return Value(value.get_bool());
    case json::kind::int64:
      return Value(value.get_int64());
    case json::kind::uint64:
      if (value.get_uint64() <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
        return Value(static_cast<int64_t>(value.get_uint64()));
      }
      return Value(static_cast<double>(value.get_uint64()));
    case json::kind::double_:
      return Value(value.get_double());
    case json::kind::string:
      return workspace.NewText(Text(std::string(value.get_string()), is_input));
    case json::kind::array:
      return ReadArray(workspace, value.get_array(), is_input, depth);
    case json::kind::object:
      return ReadObject(workspace, value.get_object(), is_input, depth);
  }
  return Value();
}

Result<Value> Read(Workspace& workspace, const json::value& value, bool is_input, int depth) {
  ASSIGN_OR_RETURN(const Value plain, ReadPlain(workspace, value, is_input, depth));
  return plain.Marked(is_input);
}

class JsonWriter {
 public:
  JsonWriter(Workspace& workspace, const JsonStyle& style) : workspace_(workspace), style_(style) {}

  Status Write(const Value& value, bool in_input, int depth) {
    RETURN_IF_ERROR(workspace_.Spend(1));
    RETURN_IF_ERROR(workspace_.CheckRoom(out_.cost_bytes()));
    const bool is_input = in_input || value.is_input();
    if (value.text() != nullptr) {
      WriteString(*value.text(), is_input);
      return {};
    }
    if (value.items() != nullptr) return WriteItems(*value.items(), is_input, depth);
    if (value.dict() != nullptr) return WriteEntries(*value.dict(), is_input, depth);
    if (value.object() != nullptr || value.IsUndefined()) {
      return MakeError(ErrorCode::kInvalidArgument, "{} cannot be written as JSON{}", KindName(value),
                       value.object() != nullptr ? "; of a generator, write its list: | list | tojson" : "");
    }
    out_.Append(Scalar(value), is_input);
    return {};
  }

  Text Take() { return std::move(out_); }

 private:
  static std::string Scalar(const Value& value) {
    if (value.IsNone()) return "null";
    if (const bool* boolean = value.If<bool>()) return *boolean ? "true" : "false";
    const double* number = value.If<double>();
    if (number == nullptr) return std::to_string(*value.If<int64_t>());
    if (std::isnan(*number)) return "NaN";
    if (std::isinf(*number)) return *number < 0 ? "-Infinity" : "Infinity";
    return PrintFloat(*number);
  }

  Status NewLine(int depth, bool is_input) {
    if (!style_.indent) return {};
    RETURN_IF_ERROR(workspace_.CheckRoom(out_.cost_bytes() + style_.indent->size() * static_cast<size_t>(depth)));
    out_.Append("\n", is_input);
    for (int i = 0; i < depth; ++i) out_.Append(*style_.indent, is_input);
    return {};
  }

  Status WriteItems(const std::vector<Value>& items, bool is_input, int depth) {
    RETURN_IF_ERROR(workspace_.CheckValueDepth(depth));
    out_.Append("[", is_input);
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_.Append(style_.item_separator, is_input);
      RETURN_IF_ERROR(NewLine(depth + 1, is_input));
      RETURN_IF_ERROR(Write(items[i], is_input, depth + 1));
    }
    if (!items.empty()) RETURN_IF_ERROR(NewLine(depth, is_input));
    out_.Append("]", is_input);
    return {};
  }

  Status WriteEntries(const Dict& dict, bool is_input, int depth) {
    RETURN_IF_ERROR(workspace_.CheckValueDepth(depth));
    std::vector<const Dict::Entry*> entries;
    for (const Dict::Entry& entry : dict.entries()) entries.push_back(&entry);
    if (style_.sort_keys) {
      if (std::ranges::any_of(entries, [](const auto* entry) { return entry->first.text() == nullptr; })) {
        return MakeError(ErrorCode::kInvalidArgument, "tojson sorts only keys that are strings");
      }
      std::ranges::sort(entries, {}, [](const auto* entry) { return entry->first.text()->view(); });
    }
    out_.Append("{", is_input);
    for (size_t i = 0; i < entries.size(); ++i) {
      if (i > 0) out_.Append(style_.item_separator, is_input);
      RETURN_IF_ERROR(NewLine(depth + 1, is_input));
      RETURN_IF_ERROR(WriteKey(entries[i]->first, is_input));
      out_.Append(style_.key_separator, is_input);
      RETURN_IF_ERROR(Write(entries[i]->second, is_input, depth + 1));
    }
    if (!entries.empty()) RETURN_IF_ERROR(NewLine(depth, is_input));
    out_.Append("}", is_input);
    return {};
  }

  Status WriteKey(const Value& key, bool is_input) {
    if (key.text() != nullptr) {
      WriteString(*key.text(), is_input);
      return {};
    }
    if (key.tuple() != nullptr) return MakeError(ErrorCode::kInvalidArgument, "a tuple cannot be a key in JSON");
    WriteString(Text(Scalar(key)), is_input);
    return {};
  }

  void WriteString(const Text& text, bool in_input) {
    const bool is_input = in_input || text.HasInput();
    const std::string_view bytes = text.view();
    out_.Append("\"", is_input);
    for (size_t at = 0; at < bytes.size();) {
      const std::string_view character = bytes.substr(at, FirstCharacterBytes(bytes.substr(at)));
      out_.Append(Escape(character), in_input || text.IsInput(at));
      at += character.size();
    }
    out_.Append("\"", is_input);
  }

  std::string Escape(std::string_view character) const {
    switch (character[0]) {
      case '"':
        return "\\\"";
      case '\\':
        return "\\\\";
      case '\n':
        return "\\n";
      case '\r':
        return "\\r";
      case '\t':
        return "\\t";
      case '\f':
        return "\\f";
      case '\b':
        return "\\b";
    }
    if (static_cast<unsigned char>(character[0]) < 0x20) return fmt::format("\\u{:04x}", character[0]);
    if (!style_.ensure_ascii || static_cast<unsigned char>(character[0]) < 0x80) return std::string(character);
    const Utf8Part part = ReadUtf8(character);
    const uint32_t code = part.kind == Utf8Part::Kind::kCharacter ? part.code_point : 0xFFFD;
    if (code < 0x10000) return fmt::format("\\u{:04x}", code);
    return fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + ((code - 0x10000) >> 10), 0xDC00 + ((code - 0x10000) & 0x3FF));
  }

  Workspace& workspace_;
  const JsonStyle& style_;
  Text out_;
};

}  // namespace

Result<Value> FromJson(Workspace& workspace, const json::value& value, bool is_input) {
  return Read(workspace, value, is_input, 0);
}

Result<Text> ToJson(Workspace& workspace, const Value& value, const JsonStyle& style) {
  JsonWriter writer(workspace, style);
  RETURN_IF_ERROR(writer.Write(value, false, 0));
  return writer.Take();
}

}  // namespace tenfold::tokenizer::jinja
