// TemporaryDirectory goes away with everything in it.
#pragma once
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

namespace sallyport::testing {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sallyport-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] std::string path() const { return path_.string(); }
  [[nodiscard]] std::string path(const std::string& name) const { return (path_ / name).string(); }
  // write returns the path of the file that it made.
  std::string write(const std::string& name, std::string_view content) const {
    std::string file = path(name);
    if (std::FILE* const out = std::fopen(file.c_str(), "wb"); out != nullptr) {
      std::fwrite(content.data(), 1, content.size(), out);
      std::fclose(out);
    }
    return file;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace sallyport::testing
