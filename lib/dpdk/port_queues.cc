#include "lib/dpdk/port_queues.h"
