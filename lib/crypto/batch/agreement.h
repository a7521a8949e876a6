// Agreement: one lane of a batch of key agreements.
#pragma once
#include "lib/base/byteorder.h"

namespace sallyport::crypto::batch {

struct Agreement {
  ByteView private_key;        // 32 bytes
  ByteView peer_share;         // as it came: its length is looked at, too
  MutableBytes shared_secret;  // 32 bytes; all zero when `ok` is false
  bool ok = false;
};

}  // namespace sallyport::crypto::batch
