// Scripts against a whole Worker, in a Simulation: everything that a NIC would see, with its SYN
// cookies, limits and both roles.  Time goes in steps of up to a millisecond.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/openssl_client.h"
#include "tests/support/script_host.h"
#include "tests/support/simulation.h"

namespace sallyport::testing {

class WorkerHost : public ScriptHost {
 public:
  [[nodiscard]] Nanos now() const override;
  void advance(Nanos until) override;
  void receive(ByteView frame) override { sim_.inject(frame); }
  std::optional<std::pair<Nanos, Bytes>> take_sent() override;
  // Values: connections (of the worker).
  [[nodiscard]] std::optional<std::string> value(const std::string& name) const override;
  [[nodiscard]] std::string violation() const override;
  [[nodiscard]] Nanos tolerance() const override { return milliseconds{3}; }

  [[nodiscard]] Simulation& simulation() { return sim_; }

 protected:
  // `peer` is the side of the worker that the script stands on.
  WorkerHost(const SimulationOptions& options, Simulation::To peer);
  // step lets everybody but the script do what is due.
  virtual void step() {}
  // sent_frame looks at a frame that was sent to the peer.
  virtual void sent_frame(ByteView) {}

  Simulation sim_;

 private:
  Tsc start_;
  std::vector<std::pair<Nanos, Bytes>> sent_;
};

// ListenerHost: the script is a client.  What it may say is its own ClientHello, which is worth
// kClientHello bytes; the answer to it is not checked.
class ListenerHost final : public WorkerHost {
 public:
  static constexpr std::size_t kClientHello = 1'000;

  explicit ListenerHost(const SimulationOptions& options = {},
                        std::uint16_t port = Simulation::kPort);
  [[nodiscard]] FourTuple tuple() const override;
  [[nodiscard]] wire::Ethernet ethernet() const override;
  std::string command(const std::vector<std::string>& words) override;
  [[nodiscard]] bool checks_stream() const override { return false; }
  // client_hello is the stream of the peer.
  [[nodiscard]] static Bytes client_hello();

 private:
  std::uint16_t port_;
};

// BackendHost: the script is a backend, and OpenSSL the client on the other side of the worker,
// whose plaintext the script sees.
//
//   connect    the client begins; the SYN to the backend follows
//   write N    the client writes N bytes
//   read N     the client has received N bytes, and they are the right ones
//   close      the client says close_notify and ends its stream
class BackendHost final : public WorkerHost {
 public:
  explicit BackendHost(SimulationOptions options = {});
  [[nodiscard]] FourTuple tuple() const override { return tuple_; }
  [[nodiscard]] wire::Ethernet ethernet() const override;
  std::string command(const std::vector<std::string>& words) override;

 private:
  void step() override;
  void sent_frame(ByteView frame) override;
  std::string read(std::size_t len);

  FourTuple tuple_;
  std::unique_ptr<OpensslClient> client_;
  std::int64_t num_written_ = 0;
  std::size_t num_read_ = 0;
};

}  // namespace sallyport::testing
