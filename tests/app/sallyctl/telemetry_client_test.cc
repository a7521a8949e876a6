#include "app/sallyctl/telemetry_client.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/temporary_directory.h"

namespace sallyport::sallyctl {
namespace {

// Server greets and then answers each request with the next of its answers.
class Server {
 public:
  Server(std::string greeting, std::vector<std::string> answers) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path().c_str(), path().size() + 1);
    listening_ = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    EXPECT_EQ(bind(listening_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(listening_, 1), 0);
    thread_ = std::thread{[this, greeting, answers] {
      const int connection = accept(listening_, nullptr, nullptr);
      send(connection, greeting.data(), greeting.size(), 0);
      for (const std::string& answer : answers) {
        std::array<char, 256> request{};
        const ssize_t got = recv(connection, request.data(), request.size(), 0);
        if (got <= 0) break;
        requests_.emplace_back(request.data(), static_cast<std::size_t>(got));
        send(connection, answer.data(), answer.size(), 0);
      }
      close(connection);
    }};
  }
  ~Server() {
    join();
    close(listening_);
  }
  void join() {
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] std::string path() const { return directory_.path("socket"); }
  std::vector<std::string> requests_;

 private:
  testing::TemporaryDirectory directory_;
  int listening_ = -1;
  std::thread thread_;
};

constexpr const char* kGreeting = R"({"version":"DPDK 22.11","pid":1,"max_output_len":16384})";

std::string complaint(const auto& action) {
  try {
    action();
  } catch (const Unreachable& e) {
    return e.what();
  }
  return "none";
}

TEST(TelemetryClient, AsksAndUnwrapsTheDocument) {
  Server server{
      kGreeting,
      {R"({"/sallyport/drops":{"total":3}})", R"({"/sallyport/connections":{"first":32}})"}};
  TelemetryClient client = TelemetryClient::at_path(server.path(), "test");
  EXPECT_EQ(client.ask("/sallyport/drops")["total"], 3);
  EXPECT_EQ(client.ask("/sallyport/connections,32")["first"], 32);
  server.join();
  EXPECT_EQ(server.requests_,
            (std::vector<std::string>{"/sallyport/drops", "/sallyport/connections,32"}));
}

TEST(TelemetryClient, SaysThatNothingIsRunning) {
  const std::string text =
      complaint([] { TelemetryClient::at_path("/nonexistent/socket", "edge"); });
  EXPECT_NE(text.find("Sallyport instance \"edge\" is not running"), std::string::npos) << text;
  EXPECT_NE(text.find("--instance"), std::string::npos) << text;
}

TEST(TelemetryClient, SaysThatACommandIsUnknown) {
  Server server{kGreeting, {R"({"/sallyport/drops":null})"}};
  TelemetryClient client = TelemetryClient::at_path(server.path(), "edge");
  const std::string text = complaint([&] { static_cast<void>(client.ask("/sallyport/drops")); });
  EXPECT_NE(text.find("does not know /sallyport/drops"), std::string::npos) << text;
}

TEST(TelemetryClient, SaysThatTheDaemonWentAway) {
  Server server{kGreeting, {}};
  TelemetryClient client = TelemetryClient::at_path(server.path(), "edge");
  server.join();
  const std::string text = complaint([&] { static_cast<void>(client.ask("/sallyport/drops")); });
  EXPECT_NE(text.find("edge"), std::string::npos) << text;
}

TEST(TelemetryClient, RefusesAnswersThatAreNoJson) {
  Server garbled{"hello", {}};
  EXPECT_NE(
      complaint([&] { TelemetryClient::at_path(garbled.path(), "edge"); }).find("does not greet"),
      std::string::npos);
  Server server{kGreeting, {"{\"/sallyport/drops\":"}};
  TelemetryClient client = TelemetryClient::at_path(server.path(), "edge");
  EXPECT_NE(complaint([&] { static_cast<void>(client.ask("/sallyport/drops")); }), "none");
}

TEST(TelemetryClient, LooksWhereDpdkPutsTheSocket) {
  const std::string path = TelemetryClient::socket_path("edge");
  EXPECT_TRUE(path.ends_with("/dpdk/edge/dpdk_telemetry.v2")) << path;
}

}  // namespace
}  // namespace sallyport::sallyctl
