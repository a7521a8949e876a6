// Sequence numbers and their order, by the names under which this module and its callers know them.
#pragma once
#include "lib/wire/seq_num.h"

namespace sallyport::tcp {

using wire::after;
using wire::at_or_after;
using wire::at_or_before;
using wire::before;
using wire::distance;
using wire::earlier;
using wire::later;
using wire::SeqNum;

}  // namespace sallyport::tcp
