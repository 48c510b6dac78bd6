// SPDX-License-Identifier: MIT
// Reads Fashion-MNIST: gzipped IDX files of images and labels. Every length is checked against the file; what does not
// fit ends in a std::runtime_error whose one line names the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <zlib.h>

namespace fashion_mnist {

constexpr const char* default_data_directory = "/usr/share/datasets/fashion-mnist";

constexpr std::size_t class_count = 10;
constexpr const char* class_names[class_count] = {"T-shirt", "trouser", "pullover", "dress", "coat",
                                                  "sandal",  "shirt",   "sneaker",  "bag",   "ankle boot"};

struct images {
    std::size_t count = 0;
    std::size_t height = 0;
    std::size_t width = 0;
    std::vector<std::uint8_t> pixels;  ///< count x height x width

    [[nodiscard]] const std::uint8_t* image(std::size_t i) const { return pixels.data() + i * height * width; }
};

using labels = std::vector<std::uint8_t>;

struct dataset {
    fashion_mnist::images images;
    fashion_mnist::labels labels;
};

namespace detail {

class gzip_file {
public:
    explicit gzip_file(const std::string& path) : path_(path), file_(gzopen(path.c_str(), "rb")) {
        if (file_ == nullptr) fail("cannot open (is the package dataset-fashion-mnist installed?)");
    }

    [[noreturn]] void fail(const std::string& why) const { throw std::runtime_error(path_ + ": " + why); }

    [[nodiscard]] std::uint32_t read_big_endian() {
        std::uint8_t b[4];
        read(b, 4);
        return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | std::uint32_t{b[3]};
    }

    void read(std::uint8_t* to, std::size_t bytes) {
        constexpr std::size_t chunk = std::size_t{1} << 20;
        while (bytes > 0) {
            const unsigned wanted = static_cast<unsigned>(bytes < chunk ? bytes : chunk);
            const int got = gzread(file_.get(), to, wanted);
            if (got < 0) fail("not readable: corrupt gzip data");
            if (got == 0) fail("truncated");
            to += got;
            bytes -= static_cast<std::size_t>(got);
        }
    }

    /// Reading the end is also what makes zlib compare the checksum.
    void expect_end() {
        std::uint8_t extra = 0;
        const int got = gzread(file_.get(), &extra, 1);
        if (got > 0) fail("longer than its header says");
        int error = Z_OK;
        gzerror(file_.get(), &error);
        if (got < 0 || error != Z_OK) fail("truncated or corrupt gzip data");
    }

private:
    struct closer {
        void operator()(gzFile file) const noexcept { gzclose(file); }
    };
    std::string path_;
    std::unique_ptr<gzFile_s, closer> file_;
};

/// More items than any file of this family has: a header beyond it is corrupt, and nothing is allocated for it.
constexpr std::uint32_t max_items = 1000000;

}  // namespace detail

[[nodiscard]] inline images read_images(const std::string& path) {
    detail::gzip_file file(path);
    if (file.read_big_endian() != 0x00000803u) file.fail("not an IDX file of images");
    const std::uint32_t count = file.read_big_endian();
    const std::uint32_t height = file.read_big_endian();
    const std::uint32_t width = file.read_big_endian();
    if (count == 0 || count > detail::max_items) file.fail("implausible number of images");
    if (height != 28 || width != 28) file.fail("images are not 28 x 28");
    images result{count, height, width, {}};
    result.pixels.resize(std::size_t{count} * height * width);
    file.read(result.pixels.data(), result.pixels.size());
    file.expect_end();
    return result;
}

[[nodiscard]] inline labels read_labels(const std::string& path) {
    detail::gzip_file file(path);
    if (file.read_big_endian() != 0x00000801u) file.fail("not an IDX file of labels");
    const std::uint32_t count = file.read_big_endian();
    if (count == 0 || count > detail::max_items) file.fail("implausible number of labels");
    labels result(count);
    file.read(result.data(), result.size());
    file.expect_end();
    for (const std::uint8_t label : result) {
        if (label >= class_count) file.fail("a label is not 0 to 9");
    }
    return result;
}

/// `part` is "train" (60,000 images) or "t10k" (10,000).
[[nodiscard]] inline dataset read_dataset(const std::string& directory, const std::string& part) {
    const std::string labels_path = directory + "/" + part + "-labels-idx1-ubyte.gz";
    dataset result{read_images(directory + "/" + part + "-images-idx3-ubyte.gz"), read_labels(labels_path)};
    if (result.labels.size() != result.images.count) {
        throw std::runtime_error(labels_path + ": " + std::to_string(result.labels.size()) + " labels for " +
                                 std::to_string(result.images.count) + " images");
    }
    return result;
}

}  // namespace fashion_mnist
