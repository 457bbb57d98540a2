#include "tenfold/tokenizer/known_pre_tokenizers.h"

#include <algorithm>
#include <array>

namespace tenfold::tokenizer {
namespace {

#define CONTRACTIONS R"((?i:'s|'t|'re|'ve|'m|'ll|'d))"
#define SYMBOLS_AND_SPACES R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"
#define UPPER_THEN_LOWER R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
#define UPPER_WITHOUT_LOWER R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
#define O200K_REST R"( ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"

constexpr const char* kGpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
// GPT-4's pattern with one to three digits.
constexpr const char* kLlama3 = CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)" SYMBOLS_AND_SPACES;
constexpr const char* kQwen2 = CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)" SYMBOLS_AND_SPACES;
// Qwen 3.5: marks belong to words.
constexpr const char* kQwen35 =
    CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kTekken = UPPER_THEN_LOWER "|" UPPER_WITHOUT_LOWER R"(|\p{N}|)" O200K_REST;
constexpr const char* kGpt4o =
    UPPER_THEN_LOWER CONTRACTIONS "?|" UPPER_WITHOUT_LOWER CONTRACTIONS R"(?|\p{N}{1,3}|)" O200K_REST;
constexpr const char* kBailing =
    R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)";
constexpr const char* kSeedCoder =
    CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kBloom = R"( ?[^(\s|.,!?…。，、।۔،)]+)";

// DeepSeek's first models: the letters of scripts with upper and lower case, spelt out.
constexpr const char* kDeepseekLetters =
    R"(\s?[A-Za-z\x{B5}\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{1BA}\x{1BC}-\x{1BF}\x{1C4}-\x{293}\x{295}-\x{2AF})"
    R"(\x{370}-\x{373}\x{376}\x{377}\x{37B}-\x{37D}\x{37F}\x{386}\x{388}-\x{38A}\x{38C}\x{38E}-\x{3A1})"
    R"(\x{3A3}-\x{3F5}\x{3F7}-\x{481}\x{48A}-\x{52F}\x{531}-\x{556}\x{10A0}-\x{10C5}\x{13A0}-\x{13F5})"
    R"(\x{13F8}-\x{13FD}\x{1C90}-\x{1CBA}\x{1CBD}-\x{1CBF}\x{1D00}-\x{1D2B}\x{1D6B}-\x{1D77})"
    R"(\x{1D79}-\x{1D9A}\x{1E00}-\x{1F15}\x{1F18}-\x{1F1D}\x{1F20}-\x{1F45}\x{1F48}-\x{1F4D})"
    R"(\x{1F50}-\x{1F57}\x{1F59}\x{1F5B}\x{1F5D}\x{1F5F}-\x{1F7D}\x{1F80}-\x{1FB4}\x{1FB6}-\x{1FBC}\x{1FBE})"
    R"(\x{1FC2}-\x{1FC4}\x{1FC6}-\x{1FCC}\x{1FD0}-\x{1FD3}\x{1FD6}-\x{1FDB}\x{1FE0}-\x{1FEC})"
    R"(\x{1FF2}-\x{1FF4}\x{1FF6}-\x{1FFC}\x{2102}\x{2107}\x{210A}-\x{2113}\x{2115}\x{2119}-\x{211D}\x{2124})"
    R"(\x{2126}\x{2128}\x{212A}-\x{212D}\x{212F}-\x{2134}\x{2139}\x{213C}-\x{213F}\x{2145}-\x{2149}\x{214E})"
    R"(\x{2183}\x{2184}\x{2C00}-\x{2C7B}\x{2C7E}-\x{2CE4}\x{2CEB}-\x{2CEE}\x{2CF2}\x{2CF3}\x{A640}-\x{A66D})"
    R"(\x{A680}-\x{A69B}\x{A722}-\x{A76F}\x{A771}-\x{A787}\x{A78B}-\x{A78E}\x{AB70}-\x{ABBF})"
    R"(\x{FB00}-\x{FB06}\x{FB13}-\x{FB17}\x{FF21}-\x{FF3A}\x{FF41}-\x{FF5A}\x{10400}-\x{1044F})"
    R"(\x{104B0}-\x{104D3}\x{104D8}-\x{104FB}\x{10C80}-\x{10CB2}\x{10CC0}-\x{10CF2}\x{118A0}-\x{118DF})"
    R"(\x{1E900}-\x{1E943}]+)";
constexpr const char* kDeepseekPunctuation =
    R"(\s?[!-/:-~\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF5E}\x{2018}-\x{201F}\x{3000}-\x{3002}]+)";
constexpr const char* kDeepseekCjk = R"([\x{4E00}-\x{9FA5}\x{0800}-\x{4E00}\x{AC00}-\x{D7FF}]+)";
constexpr const char* kDeepseek3Cjk = R"([\x{4E00}-\x{9FA5}\x{3040}-\x{30FF}]+)";
constexpr const char* kDeepseek3Rest =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";

// One row per pattern; `names` are separated by spaces.
struct Row {
  const char* names;
  std::array<const char*, 6> patterns;  // as many as there are, then nullptr
  bool ignore_merges = false;
  bool normalize_nfc = false;
  bool add_bos = false;
};

constexpr Row kRows[] = {
    {.names = "gpt-2 phi-2 mpt olmo jais gigachat mellum modern-bert trillion granite-docling exaone4 a.x-4.0 "
              "jina-es jina-de jina-v2-es jina-v2-de",
     .patterns = {kGpt2}},
    {.names = "llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2",
     .patterns = {kLlama3},
     .ignore_merges = true,
     .add_bos = true},
    {.names = "dbrx smaug-bpe glm4 chatglm-bpe", .patterns = {kLlama3}},
    {.names = "qwen2 stablelm2", .patterns = {kQwen2}, .normalize_nfc = true},
    {.names = "deepseek-r1-qwen megrez hunyuan grok-2", .patterns = {kQwen2}},
    {.names = "qwen35", .patterns = {kQwen35}, .normalize_nfc = true},
    {.names = "deepseek-llm",
     .patterns = {"[\\r\\n]", kDeepseekLetters, kDeepseekPunctuation, R"(\s+$)", kDeepseekCjk, R"(\p{N}+)"}},
    {.names = "deepseek-coder", .patterns = {"[\\r\\n]", R"(\s?\p{L}+)", R"(\s?\p{P}+)", kDeepseekCjk, R"(\p{N})"}},
    {.names = "deepseek-v3 hunyuan-dense", .patterns = {R"(\p{N}{1,3})", kDeepseek3Cjk, kDeepseek3Rest}},
    {.names = "starcoder refact command-r smollm codeshell exaone minerva-7b", .patterns = {R"(\p{N})", kGpt2}},
    {.names = "falcon", .patterns = {R"([\p{P}\$\+<=>\^~\|`]+)", kGpt2, "[0-9][0-9][0-9]"}},
    {.names = "tekken", .patterns = {kTekken}, .ignore_merges = true, .add_bos = true},
    {.names = "gpt-4o llama4 kanana2 minimax-m2", .patterns = {kGpt4o}},
    {.names = "bailingmoe bailingmoe2 llada-moe", .patterns = {kBailing}},
    {.names = "seed-coder", .patterns = {kSeedCoder}},
    {.names = "bloom poro-chat gpt3-finnish", .patterns = {kBloom}},
    {.names = "viking", .patterns = {kBloom, R"(\p{N})"}},
    // What GGUF files without a name, from before there were names, were encoded with.
    {.names = "default", .patterns = {R"([\p{P}\$\+<=>\^~\|]+)", kGpt2, R"(\p{N}+)", "[0-9][0-9][0-9]"}},
};

bool HasWord(std::string_view words, std::string_view wanted) {
  while (!words.empty()) {
    const size_t end = std::min(words.find(' '), words.size());
    if (words.substr(0, end) == wanted) return true;
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return false;
}

KnownPreTokenizer PreTokenizerOf(const Row& row) {
  KnownPreTokenizer found{
      .splits = {}, .ignore_merges = row.ignore_merges, .normalize_nfc = row.normalize_nfc, .add_bos = row.add_bos};
  for (const char* pattern : row.patterns) {
    if (pattern != nullptr) found.splits.push_back({.pattern = pattern});
  }
  return found;
}

}  // namespace

Result<KnownPreTokenizer> FindPreTokenizer(std::string_view name) {
  std::string known;
  for (const Row& row : kRows) {
    if (!HasWord(row.names, name)) {
      known += known.empty() ? "" : " ";
      known += row.names;
      continue;
    }
    return PreTokenizerOf(row);
  }
  return MakeError(ErrorCode::kUnsupported, "unknown pre-tokenizer \"{}\"; known are: {}", name, known);
}

std::optional<std::string> PreTokenizerName(const KnownPreTokenizer& wanted) {
  for (const Row& row : kRows) {
    const KnownPreTokenizer known = PreTokenizerOf(row);
    const bool is_same = known.splits == wanted.splits && known.ignore_merges == wanted.ignore_merges &&
                         known.normalize_nfc == wanted.normalize_nfc;
    const std::string_view names = row.names;
    if (is_same) return std::string(names.substr(0, names.find(' ')));
  }
  return std::nullopt;
}

std::string_view Gpt2Pattern() {
  return kGpt2;
}

}  // namespace tenfold::tokenizer
