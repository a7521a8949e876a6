#include "lib/dpdk/telemetry.h"
