#include "app/sallyctl/telemetry_client.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

namespace sallyport::sallyctl {
namespace {

constexpr int kTimeoutSeconds = 5;

[[noreturn]] void not_running(const std::string& name, const std::string& path,
                              const char* problem) {
  std::string text = "Sallyport instance \"" + name + "\" is not running: " + path + ": " + problem;
  if (errno == EACCES || errno == EPERM) {
    text = "Sallyport instance \"" + name + "\" cannot be asked: " + path + ": " + problem +
           "\nRun sallyctl as the user that Sallyport is running as.";
  } else {
    text +=
        "\nStart it with: sallyport --config FILE.  Another instance is asked with --instance "
        "NAME.";
  }
  throw Unreachable{text};
}

}  // namespace

std::string TelemetryClient::socket_path(const std::string& name) {
  // The same choice as EAL's: root in /var/run, others below their own run-time directory.  A user
  // without an instance there means the system's, and learns who may ask it.
  const std::string file = "/dpdk/" + name + "/dpdk_telemetry.v2";
  const std::string system = "/var/run" + file;
  if (getuid() == 0) return system;
  const char* directory = std::getenv("XDG_RUNTIME_DIR");
  const std::string own = (directory != nullptr ? directory : "/tmp") + file;
  return access(own.c_str(), F_OK) == 0 ? own : system;
}

TelemetryClient::TelemetryClient(const std::string& name)
    : TelemetryClient{socket_path(name), name} {}

TelemetryClient TelemetryClient::at_path(const std::string& path, const std::string& name) {
  return TelemetryClient{path, name};
}

TelemetryClient::TelemetryClient(const std::string& path, const std::string& name) : name_{name} {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    throw Unreachable{"the path of the telemetry socket is too long: " + path};
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  socket_ = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (socket_ < 0) throw Unreachable{std::string{"no socket: "} + std::strerror(errno)};
  const timeval patience{.tv_sec = kTimeoutSeconds, .tv_usec = 0};
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int error = errno;
    close(std::exchange(socket_, -1));
    errno = error;
    not_running(name, path, std::strerror(error));
  }
  try {
    // The greeting says how long an answer can be.
    const Json greeting = Json::parse(receive());
    max_answer_ = greeting.value("max_output_len", max_answer_);
  } catch (const std::exception&) {
    close(std::exchange(socket_, -1));
    throw Unreachable{"Sallyport instance \"" + name + "\" is running but does not greet on " +
                      path};
  }
}

TelemetryClient::~TelemetryClient() {
  if (socket_ >= 0) close(socket_);
}

TelemetryClient::TelemetryClient(TelemetryClient&& other) noexcept
    : name_{std::move(other.name_)},
      socket_{std::exchange(other.socket_, -1)},
      max_answer_{other.max_answer_} {}

std::string TelemetryClient::receive() {
  std::vector<char> buffer(max_answer_ + 1);
  ssize_t got = 0;
  do {
    got = recv(socket_, buffer.data(), buffer.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got <= 0) {
    throw Unreachable{
        "Sallyport instance \"" + name_ + "\" is running but does not answer" +
        (got == 0 ? "; it may be shutting down" : std::string{": "} + std::strerror(errno))};
  }
  return {buffer.data(), static_cast<std::size_t>(got)};
}

Json TelemetryClient::ask(const std::string& command) {
  if (send(socket_, command.data(), command.size(), MSG_NOSIGNAL) < 0) {
    throw Unreachable{"Sallyport instance \"" + name_ + "\" has gone: " + std::strerror(errno)};
  }
  const std::string answer = receive();
  const Json parsed = Json::parse(answer, nullptr, false);
  // DPDK wraps the document: {"<command>": <document>}; null when it knows no such command.
  const std::string name = command.substr(0, command.find(','));
  if (!parsed.is_object() || !parsed.contains(name) || !parsed[name].is_object()) {
    throw Unreachable{"Sallyport instance \"" + name_ + "\" does not know " + name +
                      "; is it of the same version as sallyctl?"};
  }
  return parsed[name];
}

}  // namespace sallyport::sallyctl
