#include "lib/dpdk/port.h"
