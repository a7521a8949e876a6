#include "lib/dpdk/telemetry.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "tests/eal/eal_environment.h"

namespace sallyport::dpdk {
namespace {

// Client speaks the protocol of the telemetry socket: one packet each way per command.
class Client {
 public:
  Client() : socket_{::socket(AF_UNIX, SOCK_SEQPACKET, 0)} {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = eal().telemetry_socket();
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    EXPECT_EQ(connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0)
        << path;
    EXPECT_NE(receive().find("max_output_len"), std::string::npos);
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  std::string ask(const std::string& command) {
    EXPECT_GT(send(socket_, command.data(), command.size(), 0), 0);
    return receive();
  }

 private:
  std::string receive() {
    std::string text(2 * kMaxTelemetryBytes, '\0');
    const ssize_t len = recv(socket_, text.data(), text.size(), 0);
    text.resize(len < 0 ? 0 : static_cast<std::size_t>(len));
    return text;
  }
  int socket_;
};

Document nested(void* context, std::string_view parameters) {
  Document inner;
  inner.add("name", "a \"quoted\" \\ text\n");
  Document middle;
  middle.add("inner", std::move(inner));
  middle.add("largest", ~std::uint64_t{0});
  Document document;
  document.add("middle", std::move(middle));
  document.add("parameters", parameters);
  document.add("context", *static_cast<std::uint64_t*>(context));
  return document;
}

Document wide(void* /*context*/, std::string_view parameters) {
  const std::size_t num = parameters == "most" ? Document::kMaxEntries : Document::kMaxEntries + 1;
  Document document;
  for (std::size_t i = 0; i < num; ++i) document.add("entry_" + std::to_string(i), i);
  return document;
}

Document lengthy(void* /*context*/, std::string_view /*parameters*/) {
  Document document;
  for (std::size_t i = 0; i < 140; ++i) {
    document.add("entry_" + std::to_string(i), std::string(Document::kMaxText, 'x'));
  }
  return document;
}

std::uint64_t number = 7;

TEST(Telemetry, AnswersWithTheDocumentAsJson) {
  ASSERT_EQ(add_telemetry_command({"/sallyport/test_nested", "help", nested, &number}).value_or(""),
            "");
  Client client;
  EXPECT_EQ(client.ask("/sallyport/test_nested"),
            R"({"/sallyport/test_nested":{"middle":{"inner":{"name":"a \"quoted\" \\ text\n"},)"
            R"("largest":18446744073709551615},"parameters":"","context":7}})");
  EXPECT_NE(client.ask("/sallyport/test_nested,one,two").find(R"("parameters":"one,two")"),
            std::string::npos);
}

TEST(Telemetry, CarriesAsManyEntriesAsAllowedAndRefusesMore) {
  ASSERT_EQ(add_telemetry_command({"/sallyport/test_wide", "help", wide}).value_or(""), "");
  Client client;
  EXPECT_NE(client.ask("/sallyport/test_wide,most").find(R"("entry_255":255)"), std::string::npos);
  EXPECT_NE(client.ask("/sallyport/test_wide").find("error"), std::string::npos);
}

TEST(Telemetry, SaysSoWhenAnAnswerIsTooLong) {
  ASSERT_EQ(add_telemetry_command({"/sallyport/test_lengthy", "help", lengthy}).value_or(""), "");
  Client client;
  const std::string answer = client.ask("/sallyport/test_lengthy");
  EXPECT_NE(answer.find("does not fit"), std::string::npos) << answer;
}

TEST(Telemetry, RefusesAPathThatDpdkWouldCut) {
  const Failure failure = add_telemetry_command(
      {"/sallyport/a_path_that_is_much_longer_than_what_telemetry_can_hold", "help", wide});
  EXPECT_TRUE(failure);
}

}  // namespace
}  // namespace sallyport::dpdk
