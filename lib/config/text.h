// Text helpers of lib/config.
#pragma once
#include <string>
#include <string_view>

namespace sallyport::config {

// quoted is `text` as a TOML basic string: nothing in it can end the string or move the cursor of a
// terminal.
[[nodiscard]] std::string in_quotes(std::string_view text);

// shortened is in_quotes(), cut when it would fill the screen.
[[nodiscard]] std::string shortened(std::string_view text);

// is_printable: no control characters, so the text can stand in a log line or a command.
[[nodiscard]] bool is_printable(std::string_view text) noexcept;

}  // namespace sallyport::config
