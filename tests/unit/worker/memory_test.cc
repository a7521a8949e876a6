// What docs/performance.md says that a connection costs.
#include <gtest/gtest.h>

#include "lib/worker/worker.h"

namespace sallyport::worker {
namespace {

std::size_t bytes_for(std::size_t connections, bool backends_speak_tls = false) {
  Arena arena;
  snapshot::Reader pins;
  auto stats = std::make_unique<stats::WorkerStats>();
  WorkerConfig config;
  config.max_connections = connections;
  config.backends_speak_tls = backends_speak_tls;
  const Worker worker{config, arena, pins, *stats, Tsc{1}};
  return arena.bytes();
}

TEST(Memory, OfAnIdleConnectionIsItsSlotsAndNothingElse) {
  constexpr std::size_t kFew = 1'000;
  constexpr std::size_t kMany = 9'000;
  const std::size_t each = (bytes_for(kMany) - bytes_for(kFew)) / (kMany - kFew);
  RecordProperty("idle_connection_bytes", static_cast<int>(each));
  EXPECT_EQ(each, sizeof(Connection) + kBytesBesideConnection);
}

TEST(Memory, ForTlsWithBackendsIsTakenOnlyWhereAPoolSpeaksIt) {
  constexpr std::size_t kFew = 1'000;
  constexpr std::size_t kMany = 9'000;
  const std::size_t each = (bytes_for(kMany, true) - bytes_for(kFew, true)) / (kMany - kFew);
  EXPECT_EQ(each, sizeof(Connection) + kBytesBesideConnection + sizeof(BackendLeg));
}

TEST(Memory, OfEachPhaseIsWhatTheDocumentationSays) {
  EXPECT_EQ(sizeof(Connection), 968U);
  EXPECT_EQ(sizeof(Side), 320U);
  EXPECT_EQ(sizeof(tcp::Tcb), 204U);
  EXPECT_EQ(sizeof(tls::Server), 240U);
  EXPECT_EQ(sizeof(SynRecord), 76U);
  EXPECT_EQ(sizeof(HandshakeState), 3'232U);
  EXPECT_EQ(sizeof(tls::MessageBuffer), 16'388U);
  EXPECT_EQ(sizeof(crypto::CryptoJob), 2'432U);
  EXPECT_EQ(sizeof(crypto::VerifyJob), 17'464U);
  EXPECT_EQ(sizeof(crypto::ClientIdentity), 304U);
  EXPECT_EQ(sizeof(TimeWaitRecord), 64U);
  EXPECT_EQ(sizeof(BackendLeg), 344U);
  EXPECT_EQ(sizeof(BackendHandshake), 9'496U);
  EXPECT_EQ(sizeof(BackendSessions), 10'896U);
}

}  // namespace
}  // namespace sallyport::worker
