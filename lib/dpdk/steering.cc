#include "lib/dpdk/steering.h"
