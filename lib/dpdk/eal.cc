#include "lib/dpdk/eal.h"
