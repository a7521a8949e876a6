#include "tests/support/openssl_backend.h"

#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace sallyport::testing {
namespace {

constexpr unsigned char kSessionContext = 7;

Bytes page_of(std::size_t len) {
  Bytes page(len);
  for (std::size_t i = 0; i < len; ++i) page[i] = static_cast<std::uint8_t>(i * 31 + i / 251);
  return page;
}

std::string take_error() {
  const char* reason = ERR_reason_error_string(ERR_peek_error());
  ERR_clear_error();
  return reason != nullptr ? reason : "unknown";
}

}  // namespace

OpensslBackend::OpensslBackend(Simulation& sim, const Member& member,
                               const OpensslBackendOptions& options,
                               std::vector<std::size_t> places)
    : options_{options}, context_{SSL_CTX_new(TLS_server_method())} {
  SSL_CTX_use_certificate(context_, member.certificate.get());
  SSL_CTX_use_PrivateKey(context_, member.key.get());
  SSL_CTX_set_session_id_context(context_, &kSessionContext, 1);
  SSL_CTX_set_min_proto_version(context_, options.version);
  SSL_CTX_set_max_proto_version(context_, options.version);
  if (!options.groups.empty()) SSL_CTX_set1_groups_list(context_, options.groups.c_str());
  if (!options.tickets) {
    SSL_CTX_set_options(context_, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context_, 0);
    SSL_CTX_set_session_cache_mode(
        context_, options.session_ids ? SSL_SESS_CACHE_SERVER : SSL_SESS_CACHE_OFF);
  }
  SSL_CTX_set_alpn_select_cb(
      context_,
      [](SSL*, const unsigned char** out, unsigned char* out_len, const unsigned char* in,
         unsigned in_len, void* arg) {
        const std::string& ours = static_cast<OpensslBackend*>(arg)->options_.alpn;
        const std::string offered{in, in + in_len};
        const std::size_t at = ours.empty() ? std::string::npos : offered.find(ours);
        if (at == std::string::npos) return SSL_TLSEXT_ERR_NOACK;
        *out = in + at;
        *out_len = static_cast<unsigned char>(ours.size());
        return SSL_TLSEXT_ERR_OK;
      },
      this);
  if (options.page) page_ = page_of(*options.page);
  for (const std::size_t place : places) {
    sim.backends.listen(sim.backend(place), [this](Socket& socket) {
      auto& session = *sessions_.emplace_back(std::make_unique<Session>());
      session.socket = &socket;
      session.ssl = SSL_new(context_);
      BIO* const in = BIO_new(BIO_s_mem());
      BIO_set_mem_eof_return(in, -1);
      SSL_set_bio(session.ssl, in, BIO_new(BIO_s_mem()));
      SSL_set_accept_state(session.ssl);
    });
  }
}

OpensslBackend::~OpensslBackend() {
  for (const auto& session : sessions_) SSL_free(session->ssl);
  SSL_CTX_free(context_);
}

std::size_t OpensslBackend::num_established() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      sessions_, [](const auto& s) { return SSL_is_init_finished(s->ssl) == 1; }));
}

std::size_t OpensslBackend::num_resumed() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      sessions_, [](const auto& s) { return SSL_session_reused(s->ssl) == 1; }));
}

std::size_t OpensslBackend::received() const {
  std::size_t sum = 0;
  for (const auto& session : sessions_) sum += session->received.size();
  return sum;
}

std::string OpensslBackend::server_name() const {
  if (sessions_.empty()) return {};
  const char* name = SSL_get_servername(sessions_.back()->ssl, TLSEXT_NAMETYPE_host_name);
  return name == nullptr ? std::string{} : std::string{name};
}

void OpensslBackend::step() {
  for (const auto& session : sessions_) step(*session);
}

void OpensslBackend::end(Session& s) {
  s.ended = true;
  using End = OpensslBackendOptions::End;
  if (options_.end == End::reset) {
    s.socket->abort();
    return;
  }
  if (options_.end != End::fin) SSL_shutdown(s.ssl);
}

void OpensslBackend::step_in_plaintext(Session& s) {
  const Bytes bytes = s.socket->take_received();
  s.received.insert(s.received.end(), bytes.begin(), bytes.end());
  if (s.ended || s.received.empty()) return;
  s.ended = true;
  s.socket->send(page_);
  s.socket->close();
}

void OpensslBackend::step(Session& s) {
  if (options_.mute || s.stalls) return;
  if (options_.plaintext) return step_in_plaintext(s);
  if (options_.rude) {
    if (!s.ended) s.socket->close();
    s.ended = true;
    return;
  }
  const Bytes bytes = s.socket->take_received();
  s.wire_bytes += bytes.size();
  if (!bytes.empty()) BIO_write(SSL_get_rbio(s.ssl), bytes.data(), static_cast<int>(bytes.size()));
  if (s.error.empty() && !s.ended) {
    std::array<std::uint8_t, 16'384> buffer;
    for (;;) {
      const int n = SSL_read(s.ssl, buffer.data(), buffer.size());
      if (n <= 0) {
        if (SSL_get_error(s.ssl, n) == SSL_ERROR_SSL) s.error = take_error();
        ERR_clear_error();
        break;
      }
      const ByteView text = ByteView{buffer}.first(static_cast<std::size_t>(n));
      s.received.insert(s.received.end(), text.begin(), text.end());
      if (!options_.page) s.to_write.insert(s.to_write.end(), text.begin(), text.end());
    }
    if (options_.page && !s.asked) {
      const std::string_view said{reinterpret_cast<const char*>(s.received.data()),
                                  s.received.size()};
      const bool has_closed = (SSL_get_shutdown(s.ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
      s.asked =
          options_.answers_late ? has_closed : said.find("\r\n\r\n") != std::string_view::npos;
      if (s.asked) s.to_write = page_;
    }
    if (!s.to_write.empty() && s.socket->unacked() < 262'144) {
      const std::size_t n = std::min<std::size_t>(s.to_write.size(), 262'144);
      SSL_write(s.ssl, s.to_write.data(), static_cast<int>(n));
      s.to_write.erase(s.to_write.begin(), s.to_write.begin() + static_cast<std::ptrdiff_t>(n));
    }
    const bool peer_closed = (SSL_get_shutdown(s.ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
    const bool is_over = options_.page ? s.asked : peer_closed;
    if (is_over && s.to_write.empty()) end(s);
  }
  std::array<std::uint8_t, 16'384> buffer;
  int n = 0;
  while ((n = BIO_read(SSL_get_wbio(s.ssl), buffer.data(), buffer.size())) > 0) {
    s.stalls = options_.keeps_back > 0;
    const std::size_t len = static_cast<std::size_t>(n);
    s.socket->send(ByteView{buffer}.first(len - std::min(len, options_.keeps_back)));
  }
  using End = OpensslBackendOptions::End;
  const bool closes = (s.ended && options_.end != End::close_notify) || !s.error.empty() ||
                      (s.socket->peer_closed() && !options_.answers_late);
  if (closes && !s.socket->is_over()) s.socket->close();
}

}  // namespace sallyport::testing
