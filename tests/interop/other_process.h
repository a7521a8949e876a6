// OtherProcess: the other end of up to two connections, in a process of its own, so that what it
// knows is not in our memory.
#pragma once
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>

#include "lib/base/byteorder.h"

namespace sallyport::testing {

class OtherProcess {
 public:
  struct Ends {
    std::array<int, 2> connections;
    int tell;  // whatever is written here, hear() reads
  };
  // `run` is called there with its ends and says whether all went well.
  template <class Run>
  explicit OtherProcess(const Run& run) {
    std::array<std::array<int, 2>, 2> pairs{};
    for (auto& pair : pairs) EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()), 0);
    std::array<int, 2> told{};
    EXPECT_EQ(pipe(told.data()), 0);
    child_ = fork();
    EXPECT_GE(child_, 0);
    if (child_ == 0) {
      for (const auto& pair : pairs) close(pair[0]);
      close(told[0]);
      alarm(kMaxSeconds);  // so that nobody waits for ever, here or there
      const bool ok = run(Ends{{pairs[0][1], pairs[1][1]}, told[1]});
      if (!ok) ERR_print_errors_fp(stderr);
      _exit(ok ? 0 : 1);
    }
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      close(pairs[i][1]);
      connections_[i] = pairs[i][0];
    }
    close(told[1]);
    told_ = told[0];
  }
  ~OtherProcess() {
    for (const int fd : connections_) close(fd);
    close(told_);
    if (child_ > 0) static_cast<void>(exit_status());
  }
  OtherProcess(const OtherProcess&) = delete;
  OtherProcess& operator=(const OtherProcess&) = delete;

  [[nodiscard]] int fd(std::size_t connection) const { return connections_[connection]; }
  // receive waits for bytes of a connection; none when it has ended.
  [[nodiscard]] MutableBytes receive(std::size_t connection, MutableBytes room) const {
    const ssize_t n = recv(fd(connection), room.data(), room.size(), 0);
    return room.first(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  }
  void send(std::size_t connection, ByteView bytes) const {
    EXPECT_EQ(::send(fd(connection), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  // say_goodbye ends a connection; the other end may still answer.
  void say_goodbye(std::size_t connection) const { shutdown(fd(connection), SHUT_WR); }
  // hear waits for what is told.
  [[nodiscard]] ByteView hear(MutableBytes room) const {
    const ssize_t n = read(told_, room.data(), room.size());
    return room.first(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  }
  // exit_status waits for the end of the process; 0 when all went well.
  [[nodiscard]] int exit_status() {
    int status = -1;
    EXPECT_EQ(waitpid(child_, &status, 0), child_);
    child_ = -1;
    return status;
  }

 private:
  static constexpr unsigned kMaxSeconds = 20;

  std::array<int, 2> connections_{};
  int told_ = -1;
  pid_t child_ = -1;
};

}  // namespace sallyport::testing
