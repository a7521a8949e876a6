#include "lib/dpdk/checksum.h"
