// Document: an ordered tree of named numbers, texts and further documents.  It is what modules give
// out about themselves (telemetry, `sallyctl --json`), and holds only what DPDK's telemetry can
// carry: no lists, no fractions, no booleans.  Control plane only: it allocates.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sallyport {

class Document {
 public:
  struct Entry;
  // A 1 stands for true.  Texts are at most kMaxText bytes when read through telemetry.
  using Value = std::variant<std::uint64_t, std::string, Document>;

  // Limits of rte_telemetry 22.11, which every published document has to respect.  A name is made
  // of ASCII letters, digits, '_' and '/'.
  static constexpr std::size_t kMaxEntries = 256;
  static constexpr std::size_t kMaxName = 63;
  static constexpr std::size_t kMaxText = 127;

  Document& add(std::string_view name, std::uint64_t number);
  Document& add(std::string_view name, std::string_view text);
  Document& add(std::string_view name, Document child);

  [[nodiscard]] const std::vector<Entry>& entries() const noexcept { return entries_; }
  // find returns nullptr when no entry has that name.
  [[nodiscard]] const Value* find(std::string_view name) const noexcept;
  // fits says whether this tree respects the limits above, every level of it.
  [[nodiscard]] bool fits() const noexcept;

 private:
  std::vector<Entry> entries_;
};

struct Document::Entry {
  std::string name;
  Value value;
};

// to_json writes one line of JSON (RFC 8259); bytes that are no UTF-8 become U+FFFD.
[[nodiscard]] std::string to_json(const Document& document);

}  // namespace sallyport
