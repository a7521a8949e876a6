#include "app/sallyctl/fetch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "lib/admin/documents.h"

namespace sallyport::sallyctl {
namespace {

// Daemon answers with parts of a list of backends or lcores, as the real one does.
struct Daemon {
  std::vector<admin::BackendReport> backends;
  std::vector<admin::LcoreReport> lcores;
  std::vector<std::string> asked;

  Json answer(const std::string& command) {
    asked.push_back(command);
    const std::size_t comma = command.find(',');
    const std::size_t first = comma == std::string::npos
                                  ? 0
                                  : admin::first_of(std::string_view{command}.substr(comma + 1));
    const bool of_lcores = command.starts_with("/sallyport/lcores");
    return Json::parse(to_json(of_lcores ? admin::lcores_document(lcores, first)
                                         : admin::backends_document(backends, first)));
  }
  Ask ask() {
    return [this](const std::string& command) { return answer(command); };
  }
};

TEST(Fetch, AsksUntilItHasEveryBackend) {
  Daemon daemon;
  daemon.backends.resize(2 * admin::kBackendsPerDocument + 5);
  for (std::uint32_t i = 0; i < daemon.backends.size(); ++i) daemon.backends[i].weight = i;
  const Json document = fetch(daemon.ask(), "/sallyport/backends", "backends");
  ASSERT_EQ(document["backends"].size(), daemon.backends.size());
  for (std::size_t i = 0; i < daemon.backends.size(); ++i) {
    EXPECT_EQ(document["backends"][std::to_string(i)]["weight"], i);
  }
  EXPECT_EQ(document["shown"], daemon.backends.size());
  EXPECT_EQ(document["total"], daemon.backends.size());
  ASSERT_EQ(daemon.asked.size(), 3U);
  EXPECT_EQ(daemon.asked[1], "/sallyport/backends," + std::to_string(admin::kBackendsPerDocument));
}

TEST(Fetch, AsksUntilItHasEveryLcore) {
  Daemon daemon;
  daemon.lcores.resize(3 * admin::kLcoresPerDocument);
  for (std::uint16_t i = 0; i < daemon.lcores.size(); ++i) daemon.lcores[i].lcore = i;
  const Json document = fetch(daemon.ask(), "/sallyport/lcores", "lcores");
  ASSERT_EQ(document["lcores"].size(), daemon.lcores.size());
  const std::size_t last = daemon.lcores.size() - 1;
  EXPECT_EQ(document["lcores"][std::to_string(last)]["lcore"], last);
}

TEST(Fetch, EndsAtTheLimit) {
  Daemon daemon;
  daemon.backends.resize(200);
  const std::size_t limit = admin::kBackendsPerDocument + 2;
  const Json document = fetch(daemon.ask(), "/sallyport/backends", "backends", limit);
  EXPECT_EQ(document["backends"].size(), limit);
  EXPECT_EQ(document["shown"], limit);
  EXPECT_EQ(daemon.asked.size(), 2U);
}

TEST(Fetch, OfAnEmptyListAsksOnce) {
  Daemon daemon;
  const Json document = fetch(daemon.ask(), "/sallyport/backends", "backends");
  EXPECT_EQ(document["shown"], 0);
  EXPECT_EQ(daemon.asked.size(), 1U);
}

TEST(Fetch, LeavesDocumentsAloneThatComeWhole) {
  int asked = 0;
  const Ask ask = [&](const std::string&) {
    ++asked;
    return Json::parse(R"({"total":3,"reasons":{}})");
  };
  EXPECT_EQ(fetch(ask, "/sallyport/drops", "").dump(), R"({"total":3,"reasons":{}})");
  EXPECT_EQ(fetch(ask, "/sallyport/drops", "list").dump(), R"({"total":3,"reasons":{}})");
  EXPECT_EQ(asked, 2);
}

TEST(Fetch, EndsWhenADaemonSendsItsFirstPartAgainAndAgain) {
  int asked = 0;
  const Ask ask = [&](const std::string&) {
    ++asked;
    return Json::parse(R"({"list":{"0":{"a":1},"1":{"a":2}}})");
  };
  const Json document = fetch(ask, "/sallyport/connections", "list");
  EXPECT_EQ(document["list"].size(), 2U);
  EXPECT_EQ(asked, 2);
}

}  // namespace
}  // namespace sallyport::sallyctl
