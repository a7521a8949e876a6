#include "lib/base/document.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace sallyport {
namespace {

// utf8_length returns how many bytes the well-formed UTF-8 sequence at the front of `text` has, or
// 0 when there is none (RFC 3629 section 4).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto continues = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
    return byte(i) >= low && byte(i) <= high;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return continues(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const unsigned low = first == 0xe0 ? 0xa0 : 0x80;
    const unsigned high = first == 0xed ? 0x9f : 0xbf;  // no surrogates
    return continues(1, low, high) && continues(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const unsigned low = first == 0xf0 ? 0x90 : 0x80;
    const unsigned high = first == 0xf4 ? 0x8f : 0xbf;
    return continues(1, low, high) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

bool is_name_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
         c == '/';
}

void append_text(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const auto c = static_cast<unsigned char>(text.front());
    if (length == 0) {
      out += "\\ufffd";
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += text.front();
    } else if (c < 0x20) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(c));
      out += escape.data();
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  out += '"';
}

void append(std::string& out, const Document& document) {
  out += '{';
  bool first = true;
  for (const auto& [name, value] : document.entries()) {
    if (!std::exchange(first, false)) out += ',';
    append_text(out, name);
    out += ':';
    if (const auto* number = std::get_if<std::uint64_t>(&value)) {
      out += std::to_string(*number);
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      append_text(out, *text);
    } else {
      append(out, *std::get_if<Document>(&value));
    }
  }
  out += '}';
}

}  // namespace

Document& Document::add(std::string_view name, std::uint64_t number) {
  entries_.push_back({std::string{name}, number});
  return *this;
}

Document& Document::add(std::string_view name, std::string_view text) {
  entries_.push_back({std::string{name}, std::string{text}});
  return *this;
}

Document& Document::add(std::string_view name, Document child) {
  entries_.push_back({std::string{name}, std::move(child)});
  return *this;
}

const Document::Value* Document::find(std::string_view name) const noexcept {
  const auto found = std::ranges::find(entries_, name, &Entry::name);
  return found == entries_.end() ? nullptr : &found->value;
}

bool Document::fits() const noexcept {
  if (entries_.size() > kMaxEntries) return false;
  return std::ranges::all_of(entries_, [](const Entry& e) {
    if (e.name.empty() || e.name.size() > kMaxName) return false;
    if (!std::ranges::all_of(e.name, is_name_character)) return false;
    if (const auto* text = std::get_if<std::string>(&e.value)) return text->size() <= kMaxText;
    if (const auto* child = std::get_if<Document>(&e.value)) return child->fits();
    return true;
  });
}

std::string to_json(const Document& document) {
  std::string out;
  append(out, document);
  return out;
}

}  // namespace sallyport
