#include "lib/base/address.h"

#include <gtest/gtest.h>

namespace sallyport {
namespace {

TEST(Address, TextFormsRoundTrip) {
  for (const char* text : {"198.18.0.1:443", "[2001:db8::1]:443"}) {
    const auto parsed = parse_socket_address(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(to_string(*parsed), text);
  }
  EXPECT_EQ(to_string(*parse_mac("02:00:5e:10:00:ff")), "02:00:5e:10:00:ff");
  EXPECT_EQ(to_string(*parse_prefix("2001:db8::/32")), "2001:db8::/32");
}

TEST(Address, RefusesWhatIsNotExactlyOneAddress) {
  for (const char* text : {"", "198.18.0.1", "198.18.0.1:", "198.18.0.1:65536", "198.18.0.1:-1",
                           "2001:db8::1:443", "[198.18.0.1]:443", "[2001:db8::1]443", ":443"}) {
    EXPECT_FALSE(parse_socket_address(text)) << text;
  }
  for (const char* text : {"198.18.0.0/33", "2001:db8::/129", "198.18.0.0/", "198.18.0.0"}) {
    EXPECT_FALSE(parse_prefix(text)) << text;
  }
  for (const char* text : {"02:00:5e:10:00", "02-00-5e-10-00-ff", "02:00:5e:10:00:fg"}) {
    EXPECT_FALSE(parse_mac(text)) << text;
  }
}

TEST(Address, APrefixContainsItsHostsAndNoOtherFamily) {
  const IpPrefix net = *parse_prefix("198.18.64.9/18");
  EXPECT_TRUE(net.contains(*parse_ip("198.18.127.255")));
  EXPECT_FALSE(net.contains(*parse_ip("198.18.128.0")));
  EXPECT_FALSE(net.contains(*parse_ip("2001:db8::1")));
  EXPECT_TRUE(parse_prefix("0.0.0.0/0")->contains(*parse_ip("203.0.113.1")));
  EXPECT_FALSE(parse_prefix("0.0.0.0/0")->contains(*parse_ip("2001:db8::1")));
}

}  // namespace
}  // namespace sallyport
