#include "lib/tls/credential_set.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

#include "lib/base/check.h"
#include "lib/base/text.h"

namespace sallyport::tls {
namespace {

// [RFC 1035 2.3.4] the longest name, as text.  A longer one is nobody's.
constexpr std::size_t kMaxHostName = 253;

// [RFC 5246 7.4.2, RFC 8446 4.4.2.2] What handshakes do with the key of a certificate.
[[nodiscard]] bool signs(const Credential& credential) noexcept { return credential.may_sign; }
[[nodiscard]] bool decrypts(const Credential& credential) noexcept {
  return credential.may_decrypt && credential.key_type == crypto::KeyType::rsa;
}

}  // namespace

CredentialSet::CredentialSet(std::vector<Credential> credentials)
    : credentials_{std::move(credentials)} {
  SALLYPORT_CHECK(credentials_.size() <= kMaxCredentials);
  std::size_t num_names = 0;
  for (const Credential& credential : credentials_) num_names += credential.names.size();
  slots_.resize(std::bit_ceil(num_names * 2 + 1));
  for (std::size_t i = 0; i < credentials_.size(); ++i) {
    const auto index = static_cast<std::uint16_t>(i);
    offer(defaults_, index);
    for (const std::string_view name : credentials_[i].names) {
      // A name that begins with a dot would be taken for what is left of a wildcard.
      if (name.starts_with('.')) continue;
      add(name.starts_with("*.") ? name.substr(1) : name, index);
    }
  }
}

void CredentialSet::offer(ByUse& candidates, std::uint16_t index) const noexcept {
  const Credential& credential = credentials_[index];
  const auto is_first_that = [&](auto may) {
    return may(credential) && std::ranges::none_of(candidates.candidates(), [&](std::uint16_t i) {
             return credentials_[i].key_type == credential.key_type && may(credentials_[i]);
           });
  };
  if (!is_first_that(signs) && !is_first_that(decrypts)) return;
  if (candidates.num_indices == kMaxCandidates) return;
  candidates.indices[candidates.num_indices++] = index;
}

void CredentialSet::add(std::string_view name, std::uint16_t index) {
  std::string text{name};
  std::ranges::transform(text, text.begin(), to_lower<char>);
  const auto hash = siphash(key_, as_bytes(text));
  const auto tag = static_cast<std::uint32_t>(hash >> 32U);
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  for (; slots_[at].name != 0; at = (at + 1) & mask) {
    Name& known = names_[slots_[at].name - 1];
    if (slots_[at].tag != tag || known.text != text) continue;
    offer(known.by_use, index);
    return;
  }
  names_.push_back({.text = std::move(text), .by_use = {}});
  slots_[at] = {.tag = tag, .name = static_cast<std::uint32_t>(names_.size())};
  offer(names_.back().by_use, index);
}

const CredentialSet::Name* CredentialSet::find(std::string_view name) const noexcept {
  if (slots_.empty() || name.size() > kMaxHostName) return nullptr;
  std::array<char, kMaxHostName> buffer;  // not cleared: all that is read is written here
  std::ranges::transform(name, buffer.begin(), to_lower<char>);
  const std::string_view text{buffer.data(), name.size()};
  const auto hash = siphash(key_, as_bytes(text));
  const auto tag = static_cast<std::uint32_t>(hash >> 32U);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = hash & mask; slots_[at].name != 0; at = (at + 1) & mask) {
    const Name& known = names_[slots_[at].name - 1];
    if (slots_[at].tag == tag && known.text == text) return &known;
  }
  return nullptr;
}

CredentialSet::Candidates CredentialSet::exact(std::string_view asked) const noexcept {
  if (asked.empty() || asked.starts_with('.')) return {};
  const Name* const name = find(asked);
  return name == nullptr ? Candidates{} : name->by_use.candidates();
}

CredentialSet::Candidates CredentialSet::wildcard(std::string_view asked) const noexcept {
  const std::size_t first_dot = asked.find('.');
  if (first_dot == std::string_view::npos || first_dot == 0) return {};
  const Name* const name = find(asked.substr(first_dot));
  return name == nullptr ? Candidates{} : name->by_use.candidates();
}

}  // namespace sallyport::tls
