#include "tests/support/openssl_client.h"

#include <openssl/err.h>

#include <algorithm>
#include <array>

namespace sallyport::testing {

OpensslClient::OpensslClient(Socket& socket, const OpensslClientOptions& options)
    : socket_{socket},
      context_{SSL_CTX_new(TLS_client_method())},
      ssl_{nullptr},
      in_{BIO_new(BIO_s_mem())},
      out_{BIO_new(BIO_s_mem())},
      segment_{options.segment} {
  SSL_CTX_set_min_proto_version(context_, options.version);
  SSL_CTX_set_max_proto_version(context_, options.version);
  SSL_CTX_set_verify(context_, SSL_VERIFY_NONE, nullptr);
  if (!options.cipher.empty()) {
    if (options.version == TLS1_3_VERSION) {
      SSL_CTX_set_ciphersuites(context_, options.cipher.c_str());
    } else {
      SSL_CTX_set_cipher_list(context_, options.cipher.c_str());
    }
  }
  if (!options.groups.empty()) SSL_CTX_set1_groups_list(context_, options.groups.c_str());
  if (options.fragment != 0) SSL_CTX_set_max_send_fragment(context_, options.fragment);
  if (options.max_fragment_length != 0) {
    SSL_CTX_set_tlsext_max_fragment_length(context_, options.max_fragment_length);
  }
  if (!options.encrypt_then_mac) SSL_CTX_set_options(context_, SSL_OP_NO_ENCRYPT_THEN_MAC);
  if (!options.tickets) SSL_CTX_set_options(context_, SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_set_ex_data(context_, 0, this);
  SSL_CTX_sess_set_new_cb(context_, [](SSL* ssl, SSL_SESSION* session) {
    auto* const client = static_cast<OpensslClient*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), 0));
    client->session_.reset(session);
    return 1;
  });
  if (options.certificate != nullptr) {
    SSL_CTX_use_certificate(context_, options.certificate);
    SSL_CTX_use_PrivateKey(context_, options.key);
  }
  ssl_ = SSL_new(context_);
  if (options.session != nullptr) {
    // A copy, because a connection that ends badly spoils its session.
    const SslSession copy{SSL_SESSION_dup(options.session)};
    SSL_set_session(ssl_, copy.get());
  }
  SSL_ctrl(ssl_, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
           const_cast<char*>(options.server_name.c_str()));
  if (!options.alpn.empty()) {
    Bytes list{static_cast<std::uint8_t>(options.alpn.size())};
    list.insert(list.end(), options.alpn.begin(), options.alpn.end());
    SSL_set_alpn_protos(ssl_, list.data(), static_cast<unsigned>(list.size()));
  }
  BIO_set_mem_eof_return(in_, -1);
  SSL_set_bio(ssl_, in_, out_);
  SSL_set_connect_state(ssl_);
}

OpensslClient::~OpensslClient() {
  SSL_free(ssl_);
  SSL_CTX_free(context_);
}

void OpensslClient::step() {
  const Bytes bytes = socket_.take_received();
  if (!bytes.empty()) BIO_write(in_, bytes.data(), static_cast<int>(bytes.size()));
  if (!socket_.is_established()) return;
  if (error_.empty()) {
    if (!is_established()) {
      const int result = SSL_do_handshake(ssl_);
      if (result <= 0 && SSL_get_error(ssl_, result) == SSL_ERROR_SSL) {
        const char* reason = ERR_reason_error_string(ERR_peek_error());
        error_ = reason != nullptr ? reason : "unknown";
        ERR_clear_error();
      }
    }
    if (is_established() && !to_write_.empty()) {
      // A little at a time: what waits in the socket is memory of this test.
      const std::size_t n = std::min<std::size_t>(to_write_.size(), 262'144);
      if (socket_.unacked() < 262'144) {
        SSL_write(ssl_, to_write_.data(), static_cast<int>(n));
        to_write_.erase(to_write_.begin(), to_write_.begin() + static_cast<std::ptrdiff_t>(n));
      }
    }
    std::array<std::uint8_t, 16'384> buffer;
    // Asking OpenSSL costs much, and most steps of most clients bring nothing.
    while (BIO_pending(in_) > 0 || SSL_has_pending(ssl_) == 1) {
      const int n = SSL_read(ssl_, buffer.data(), buffer.size());
      if (n <= 0) {
        // An alert puts OpenSSL back before the handshake.
        if (SSL_get_error(ssl_, n) == SSL_ERROR_SSL) {
          const char* reason = ERR_reason_error_string(ERR_peek_error());
          error_ = reason != nullptr ? reason : "unknown";
        }
        ERR_clear_error();
        break;
      }
      received_.insert(received_.end(), buffer.begin(), buffer.begin() + n);
    }
    if (shutdown_ && !shut_ && to_write_.empty() && is_established()) {
      shut_ = true;
      SSL_shutdown(ssl_);
    }
  }
  std::array<std::uint8_t, 16'384> buffer;
  int n = 0;
  while ((n = BIO_read(out_, buffer.data(), buffer.size())) > 0) {
    send(ByteView{buffer}.first(static_cast<std::size_t>(n)));
  }
  // The next piece waits until the one before has left as a segment of its own.
  if (!to_send_.empty() && tcp::flight(socket_.tcb()) >= socket_.unacked()) {
    const std::size_t len = std::min(segment_, to_send_.size());
    socket_.send(ByteView{to_send_}.first(len));
    to_send_.erase(to_send_.begin(), to_send_.begin() + static_cast<std::ptrdiff_t>(len));
  }
}

void OpensslClient::send(ByteView bytes) {
  if (segment_ == 0) {
    socket_.send(bytes);
  } else {
    to_send_.insert(to_send_.end(), bytes.begin(), bytes.end());
  }
}

}  // namespace sallyport::testing
