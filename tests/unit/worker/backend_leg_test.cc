#include "lib/worker/backend_leg.h"

#include <gtest/gtest.h>

#include <memory>

namespace sallyport::worker {
namespace {

void keep(BackendSessions& sessions, std::uint8_t name) {
  tls::ClientSession& session = sessions.incoming();
  session.version = wire::ProtocolVersion::tls13;
  session.ticket_len = 1;
  session.ticket[0] = name;
  session.secret_len = 1;
  session.secret.expose_for_write()[0] = name;
  sessions.keep();
}

int take(BackendSessions& sessions) {
  const auto session = std::make_unique<tls::ClientSession>();
  if (!sessions.take(*session)) return -1;
  EXPECT_EQ(session->secret_bytes()[0], session->ticket_bytes()[0]);
  return session->ticket_bytes()[0];
}

TEST(BackendSessions, GivesTheNewestAndEachOnce) {
  const auto sessions = std::make_unique<BackendSessions>();
  EXPECT_EQ(take(*sessions), -1);
  keep(*sessions, 1);
  keep(*sessions, 2);
  EXPECT_EQ(take(*sessions), 2);
  keep(*sessions, 3);
  EXPECT_EQ(take(*sessions), 3);
  EXPECT_EQ(take(*sessions), 1);
  EXPECT_EQ(take(*sessions), -1);
}

TEST(BackendSessions, DropsTheOldestWhenThereAreTooMany) {
  const auto sessions = std::make_unique<BackendSessions>();
  for (std::uint8_t i = 1; i <= BackendSessions::kKept + 3; ++i) keep(*sessions, i);
  EXPECT_EQ(sessions->size(), BackendSessions::kKept);
  for (int i = BackendSessions::kKept + 3; i > 3; --i) EXPECT_EQ(take(*sessions), i);
  EXPECT_EQ(take(*sessions), -1);
}

TEST(BackendSessions, LeavesNothingOfWhatItGave) {
  const auto sessions = std::make_unique<BackendSessions>();
  keep(*sessions, 7);
  EXPECT_EQ(take(*sessions), 7);
  EXPECT_EQ(sessions->incoming().version, wire::ProtocolVersion::none);
  EXPECT_EQ(sessions->incoming().secret.expose()[0], 0);
}

TEST(BackendSessions, TakesBackWhatWasAccepted) {
  const auto sessions = std::make_unique<BackendSessions>();
  const auto session = std::make_unique<tls::ClientSession>();
  keep(*sessions, 1);
  const std::uint32_t era = sessions->era();
  ASSERT_TRUE(sessions->take(*session));
  sessions->put_back(*session, era);
  EXPECT_EQ(take(*sessions), 1);
}

TEST(BackendSessions, DoesNotTakeBackWhatIsOfBeforeItForgot) {
  const auto sessions = std::make_unique<BackendSessions>();
  const auto session = std::make_unique<tls::ClientSession>();
  keep(*sessions, 1);
  const std::uint32_t era = sessions->era();
  ASSERT_TRUE(sessions->take(*session));
  sessions->forget();
  sessions->put_back(*session, era);
  EXPECT_EQ(take(*sessions), -1);
}

TEST(BackendSessions, ForgetsAllOfThem) {
  const auto sessions = std::make_unique<BackendSessions>();
  for (std::uint8_t i = 1; i <= 3; ++i) keep(*sessions, i);
  sessions->forget();
  EXPECT_EQ(take(*sessions), -1);
  keep(*sessions, 4);
  EXPECT_EQ(take(*sessions), 4);
  EXPECT_EQ(take(*sessions), -1);
}

}  // namespace
}  // namespace sallyport::worker
