#include "lib/dpdk/ring.h"
