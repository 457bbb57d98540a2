#include "tenfold/hub/blob_hash.h"

#include <array>
#include <iterator>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "tenfold/base/check.h"

namespace tenfold::hub {
namespace {

EVP_MD_CTX* Context(void* context) {
  return static_cast<EVP_MD_CTX*>(context);
}

}  // namespace

void BlobHash::Deleter::operator()(void* context) const {
  EVP_MD_CTX_free(Context(context));
}

BlobHash::BlobHash(HashKind kind, uint64_t size_bytes) : context_(EVP_MD_CTX_new()) {
  CHECK(context_ != nullptr);
  CHECK_EQ(EVP_DigestInit_ex(Context(context_.get()), kind == HashKind::kSha256 ? EVP_sha256() : EVP_sha1(), nullptr),
           1);
  if (kind == HashKind::kGitSha1) {
    const std::string head = fmt::format("blob {}", size_bytes);
    Update(std::as_bytes(std::span(head.c_str(), head.size() + 1)));
  }
}

void BlobHash::Update(std::span<const std::byte> bytes) {
  CHECK_EQ(EVP_DigestUpdate(Context(context_.get()), bytes.data(), bytes.size()), 1);
}

std::string BlobHash::Finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  CHECK_EQ(EVP_DigestFinal_ex(Context(context_.get()), digest.data(), &size), 1);
  std::string text;
  for (unsigned int i = 0; i < size; ++i) fmt::format_to(std::back_inserter(text), "{:02x}", digest[i]);
  return text;
}

}  // namespace tenfold::hub
