// PemFile: a file as PEM blocks of one kind.  For lib/x509 alone: this header brings OpenSSL's.
#pragma once
#include <openssl/err.h>
#include <openssl/pem.h>

#include <cstddef>
#include <cstring>
#include <string>

#include "lib/base/byteorder.h"
#include "lib/x509/locked_file.h"
#include "lib/x509/openssl_types.h"

namespace sallyport::x509 {

// PemFile is a file as PEM blocks of one kind; `problem` is empty when all is well.
class PemFile {
 public:
  explicit PemFile(const std::string& path) : path_{path}, file_{path} {
    if (file_.error() != 0) {
      problem_ = path + ": cannot read: " + std::strerror(file_.error());
      return;
    }
    in_.reset(BIO_new_mem_buf(file_.bytes().data(), static_cast<int>(file_.bytes().size())));
  }
  // each gives every block to `read`, which takes one from the BIO or returns false.
  template <class Read>
  void each(const char* kind, Read&& read) {
    if (!problem_.empty()) return;
    std::size_t count = 0;
    while (read(in_.get())) ++count;
    const unsigned long why = ERR_peek_last_error();
    ERR_clear_error();
    if (ERR_GET_REASON(why) != PEM_R_NO_START_LINE) {
      problem_ = path_ + ": " + kind + " " + std::to_string(count + 1) + " is damaged";
    } else if (count == 0) {
      problem_ = path_ + ": holds no " + kind + " in PEM";
    }
  }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }
  [[nodiscard]] ByteView bytes() const noexcept { return file_.bytes(); }

 private:
  std::string path_;
  LockedFile file_;
  Bio in_;
  std::string problem_;
};

}  // namespace sallyport::x509
