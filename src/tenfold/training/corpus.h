// A corpus: text files as the shards of tokens (token_shard.h) that a model is trained and validated on.
//
//   FOLDER/train.tokens
//   FOLDER/validation.tokens    where there is text for it
//
// Texts are bytes; what is not UTF-8 becomes U+FFFD, as everywhere (tokenizer/utf8.h). They may hold separators between
// documents and other special tokens, which become those tokens. In a shard the vocabulary's separator stands behind
// each document (text_documents.h), which is the token of that text or else the one that ends texts; a vocabulary with
// neither (character-level ones) has none.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tenfold/base/result.h"
#include "tenfold/platform/thread_pool.h"
#include "tenfold/tokenizer/vocabulary.h"
#include "tenfold/training/token_shard.h"

namespace tenfold::training {

struct CorpusOptions {
  std::vector<std::filesystem::path> train_files = {};
  std::vector<std::filesystem::path> validation_files = {};
  // Without validation files: this share of each training file, at its end, is for validation and not for training.
  // nanoGPT's split is 0.1. Where a document ends before half of the share, less: none is cut in two. 0: no validation.
  double validation_share = 0;
  std::string separator = "<|endoftext|>";  // how the texts write the end of a document; empty: not at all
  int64_t context = 1;                      // tokens that a training window predicts; one window must be there
};

struct Corpus {
  TokenShard train;
  std::optional<TokenShard> validation = std::nullopt;
  int num_encoded = 0;  // of the shards; the others were there, of the same texts and vocabulary
};

// Makes the shards that `folder` does not have yet, whole or not at all, and opens them. The tokens depend on texts,
// vocabulary and options alone, not on the number of threads. Streams: beside the mapped files it holds a few megabytes
// for each thread. Shows a progress bar when it takes over a second. One process at a time may prepare a folder.
//
// Errors: kInvalidArgument (no files, a share outside [0, 1), both kinds of validation, separators in texts but none in
// the vocabulary, bytes that the vocabulary has no token for, fewer tokens than one window), those of
// Tokenizer::Create, kNotFound and kIo for files.
Result<Corpus> PrepareCorpus(const CorpusOptions& options, const tokenizer::Vocabulary& vocabulary,
                             const std::filesystem::path& folder, platform::ThreadPool& threads);

}  // namespace tenfold::training
