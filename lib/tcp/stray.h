// Segments that belong to no connection.
#pragma once
#include <optional>

#include "lib/tcp/segment.h"

namespace sallyport::tcp {

// reset_for is the answer to a segment of no connection (RFC 9293 section 3.10.7.1), whether a SYN
// to a closed port or anything stray.  A RST gets none.  The caller limits the rate.
[[nodiscard]] std::optional<Segment> reset_for(const Segment& segment) noexcept;

}  // namespace sallyport::tcp
