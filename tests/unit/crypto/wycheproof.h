// Project Wycheproof's files, where they are at hand: in the folder that SALLYPORT_WYCHEPROOF
// names, or in ../shared/vectors/wycheproof beside the sources.
#pragma once
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/hex.h"
#include "tests/support/vectors.h"

namespace sallyport::testing {

// Wycheproof gives every test the parsed file of its name; null where there is none.
class Wycheproof : public ::testing::Test {
 protected:
  static nlohmann::json load(const std::string& name) {
    const char* const chosen = std::getenv("SALLYPORT_WYCHEPROOF");
    const std::string folder = chosen != nullptr ? chosen : SALLYPORT_WYCHEPROOF_DEFAULT;
    const std::string text = read_text_file(folder + "/" + name + ".json");
    return text.empty() ? nlohmann::json{} : nlohmann::json::parse(text, nullptr, false);
  }
  static std::vector<std::uint8_t> bytes(const nlohmann::json& test, const char* field) {
    return unhex(test.at(field).get<std::string>());
  }
  // P-256: an integer, perhaps with a sign byte, perhaps short.
  static std::vector<std::uint8_t> private_key(const nlohmann::json& test) {
    std::vector<std::uint8_t> number = bytes(test, "private");
    if (number.size() > 32) number.erase(number.begin());
    number.insert(number.begin(), 32 - number.size(), 0);
    return number;
  }
  static std::string name_of(const nlohmann::json& test) {
    return "tcId " + std::to_string(test.at("tcId").get<int>()) + " " +
           test.at("comment").get<std::string>();
  }
};

}  // namespace sallyport::testing
