// SPDX-License-Identifier: MIT
// The safetensors format: 8 bytes little-endian header length, a JSON header, then the tensors' bytes without a gap.
// The reader checks every length and offset before it uses it, as the file may come from anywhere; what does not fit
// ends in a std::runtime_error whose one line names the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace fashion_mnist::safetensors {

enum class dtype { f32, i8, u8, u32 };

[[nodiscard]] inline std::size_t size_of(dtype type) { return type == dtype::f32 || type == dtype::u32 ? 4 : 1; }

[[nodiscard]] inline const char* name_of(dtype type) {
    switch (type) {
        case dtype::f32: return "F32";
        case dtype::i8: return "I8";
        case dtype::u8: return "U8";
        case dtype::u32: return "U32";
    }
    return "";
}

template <class T>
[[nodiscard]] constexpr dtype dtype_of() {
    static_assert(std::is_same_v<T, float> || std::is_same_v<T, std::int8_t> || std::is_same_v<T, std::uint8_t> ||
                      std::is_same_v<T, std::uint32_t>,
                  "safetensors: an element is float, int8_t, uint8_t or uint32_t");
    if constexpr (std::is_same_v<T, float>)
        return dtype::f32;
    else if constexpr (std::is_same_v<T, std::int8_t>)
        return dtype::i8;
    else if constexpr (std::is_same_v<T, std::uint8_t>)
        return dtype::u8;
    else
        return dtype::u32;
}

struct tensor {
    dtype type = dtype::u8;
    std::vector<std::size_t> shape;
    std::vector<std::uint8_t> bytes;  ///< row-major, little-endian
};

/// The contents of a file. Tensors of wide elements lie first, then by name, so that every tensor is aligned.
struct file {
    std::map<std::string, std::string> metadata;
    std::map<std::string, tensor> tensors;

    template <class T>
    void put(const std::string& name, std::vector<std::size_t> shape, const std::vector<T>& values) {
        std::size_t elements = 1;
        for (const std::size_t extent : shape) elements *= extent;
        if (elements != values.size()) throw std::runtime_error("tensor " + name + ": shape and data do not fit");
        tensor t{dtype_of<T>(), std::move(shape), std::vector<std::uint8_t>(values.size() * sizeof(T))};
        if (!values.empty()) std::memcpy(t.bytes.data(), values.data(), t.bytes.size());
        tensors[name] = std::move(t);
    }

    /// The tensor's elements if it is there with this type and shape.
    template <class T>
    [[nodiscard]] std::vector<T> get(const std::string& name, const std::vector<std::size_t>& shape) const {
        const auto found = tensors.find(name);
        if (found == tensors.end()) throw std::runtime_error("tensor " + name + " is missing");
        const tensor& t = found->second;
        if (t.type != dtype_of<T>()) throw std::runtime_error("tensor " + name + " is not " + name_of(dtype_of<T>()));
        if (t.shape != shape) throw std::runtime_error("tensor " + name + " has another shape than the network");
        std::vector<T> values(t.bytes.size() / sizeof(T));
        if (!values.empty()) std::memcpy(values.data(), t.bytes.data(), t.bytes.size());
        return values;
    }
};

namespace detail {

/// A header or a file larger than this is not one of a model that fits this program.
constexpr std::uint64_t max_header = std::uint64_t{1} << 24;
constexpr std::uint64_t max_file = std::uint64_t{1} << 30;

[[nodiscard]] inline std::size_t unsigned_number(const nlohmann::json& value, const char* what) {
    if (!value.is_number_unsigned())
        throw std::runtime_error(std::string("header: ") + what + " is not a whole number");
    return value.get<std::size_t>();
}

[[nodiscard]] inline tensor read_tensor(const std::string& name, const nlohmann::json& entry,
                                        const std::vector<std::uint8_t>& data, std::size_t& begin, std::size_t& end) {
    const std::string where = "tensor " + name;
    if (!entry.is_object() || !entry.contains("dtype") || !entry.contains("shape") || !entry.contains("data_offsets")) {
        throw std::runtime_error(where + ": dtype, shape or data_offsets is missing");
    }
    tensor t;
    bool known = false;
    for (const dtype type : {dtype::f32, dtype::i8, dtype::u8, dtype::u32}) {
        if (entry["dtype"] == name_of(type)) {
            t.type = type;
            known = true;
        }
    }
    if (!known) throw std::runtime_error(where + ": dtype is none of F32, I8, U8, U32");
    std::size_t bytes = size_of(t.type);
    if (!entry["shape"].is_array()) throw std::runtime_error(where + ": shape is not a list");
    for (const auto& extent : entry["shape"]) {
        const std::size_t n = unsigned_number(extent, "an extent");
        if (n != 0 && bytes > std::numeric_limits<std::size_t>::max() / n) {
            throw std::runtime_error(where + ": shape too large");
        }
        bytes *= n;
        t.shape.push_back(n);
    }
    const auto& offsets = entry["data_offsets"];
    if (!offsets.is_array() || offsets.size() != 2) throw std::runtime_error(where + ": data_offsets is not a pair");
    begin = unsigned_number(offsets[0], "an offset");
    end = unsigned_number(offsets[1], "an offset");
    if (begin > end || end > data.size()) throw std::runtime_error(where + ": data_offsets lie outside the file");
    if (end - begin != bytes) throw std::runtime_error(where + ": shape and data_offsets do not fit");
    t.bytes.assign(data.begin() + static_cast<std::ptrdiff_t>(begin), data.begin() + static_cast<std::ptrdiff_t>(end));
    return t;
}

[[nodiscard]] inline file parse(const std::vector<std::uint8_t>& raw) {
    if (raw.size() < 8) throw std::runtime_error("truncated: no header length");
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < 8; ++i) length |= std::uint64_t{raw[i]} << (8 * i);
    if (length > max_header) throw std::runtime_error("not a safetensors file: implausible header length");
    if (length > raw.size() - 8) throw std::runtime_error("truncated: the header is longer than the file");
    const auto header_end = raw.begin() + 8 + static_cast<std::ptrdiff_t>(length);
    const nlohmann::json header = nlohmann::json::parse(raw.begin() + 8, header_end, nullptr, false);
    if (!header.is_object()) throw std::runtime_error("not a safetensors file: the header is not a JSON object");
    const std::vector<std::uint8_t> data(header_end, raw.end());

    file result;
    std::map<std::size_t, std::size_t> ranges;
    for (const auto& [name, entry] : header.items()) {
        if (name == "__metadata__") {
            if (!entry.is_object()) throw std::runtime_error("header: metadata is not an object");
            for (const auto& [key, value] : entry.items()) {
                if (!value.is_string()) throw std::runtime_error("header: metadata " + key + " is not a string");
                result.metadata[key] = value.get<std::string>();
            }
            continue;
        }
        std::size_t begin = 0;
        std::size_t end = 0;
        result.tensors[name] = read_tensor(name, entry, data, begin, end);
        if (begin != end && !ranges.emplace(begin, end).second) {
            throw std::runtime_error("tensor " + name + " overlaps another");
        }
    }
    std::size_t covered = 0;
    for (const auto& [begin, end] : ranges) {
        if (begin != covered) throw std::runtime_error("header: tensors overlap or leave a gap");
        covered = end;
    }
    if (covered != data.size()) throw std::runtime_error("header: bytes behind the last tensor");
    return result;
}

}  // namespace detail

[[nodiscard]] inline file read(const std::string& path) {
    std::error_code error;
    if (!std::filesystem::exists(path, error)) throw std::runtime_error(path + ": no such file");
    if (!std::filesystem::is_regular_file(path, error)) throw std::runtime_error(path + ": not a regular file");
    const std::uintmax_t size = std::filesystem::file_size(path, error);
    std::ifstream in(path, std::ios::binary);
    if (error || !in) throw std::runtime_error(path + ": cannot open");
    if (size > detail::max_file) throw std::runtime_error(path + ": too large for a model of this program");
    std::vector<std::uint8_t> raw(static_cast<std::size_t>(size));
    if (!raw.empty() && !in.read(reinterpret_cast<char*>(raw.data()), static_cast<std::streamsize>(size))) {
        throw std::runtime_error(path + ": cannot read");
    }
    try {
        return detail::parse(raw);
    } catch (const std::exception& reason) {
        throw std::runtime_error(path + ": " + reason.what());
    }
}

/// Writes to a temporary name first, so an interrupted run leaves the old file or the new one, never a half.
inline void write(const std::string& path, const file& contents) {
    nlohmann::json header = nlohmann::json::object();
    if (!contents.metadata.empty()) header["__metadata__"] = contents.metadata;
    std::vector<const tensor*> order;
    std::size_t offset = 0;
    for (const std::size_t element : {4u, 1u})
        for (const auto& [name, t] : contents.tensors) {
            if (size_of(t.type) != element) continue;
            order.push_back(&t);
            header[name] = {
                {"dtype", name_of(t.type)}, {"shape", t.shape}, {"data_offsets", {offset, offset + t.bytes.size()}}};
            offset += t.bytes.size();
        }
    std::string text = header.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');

    const std::string temporary = path + ".partial";
    {
        std::ofstream out(temporary, std::ios::binary);
        for (std::size_t i = 0; i < 8; ++i) out.put(static_cast<char>(std::uint64_t{text.size()} >> (8 * i) & 0xffu));
        out << text;
        for (const tensor* t : order) {
            out.write(reinterpret_cast<const char*>(t->bytes.data()), static_cast<std::streamsize>(t->bytes.size()));
        }
        if (!out.flush()) throw std::runtime_error(path + ": cannot write");
    }
    if (std::rename(temporary.c_str(), path.c_str()) != 0) throw std::runtime_error(path + ": cannot write");
}

}  // namespace fashion_mnist::safetensors
