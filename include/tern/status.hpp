// SPDX-License-Identifier: MIT
// What a public entry point answers. Anything but `ok` means that nothing was written.
#pragma once

#include <tern/config.hpp>

namespace tern {

enum class [[nodiscard]] status : unsigned char {
    ok,
    null_pointer,   ///< a pointer is null where the shape says that there is data
    bad_shape,      ///< rows, columns or depth of the operands do not fit together, or a required size is zero
    bad_stride,     ///< a stride is shorter than what it has to step over
    bad_alignment,  ///< a pointer is not aligned for its element type
    bad_layout,     ///< packed bytes are in another layout than the operation reads
    bad_value,      ///< a value has no code in the encoding, or a parameter is not finite
    buffer_size,    ///< the caller's buffer is too small
    overlap,        ///< the destination shares memory with a source
    overflow,       ///< a size or an accumulator could pass its type's range
    unsupported     ///< legal, but not implemented for these types
};

/// One line for a person.
TERN_INLINE constexpr const char* to_string(status s) noexcept {
    switch (s) {
        case status::ok: return "ok";
        case status::null_pointer: return "null pointer";
        case status::bad_shape: return "shapes do not fit";
        case status::bad_stride: return "stride too short";
        case status::bad_alignment: return "misaligned pointer";
        case status::bad_layout: return "unexpected packed layout";
        case status::bad_value: return "value outside the encoding";
        case status::buffer_size: return "buffer too small";
        case status::overlap: return "destination overlaps a source";
        case status::overflow: return "size or accumulator overflow";
        case status::unsupported: return "not supported for these types";
    }
    return "unknown status";
}

}  // namespace tern
