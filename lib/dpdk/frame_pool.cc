#include "lib/dpdk/frame_pool.h"
