// SPDX-License-Identifier: MIT
// One operation as a firmware calls it, for code_size.cmake: TERN_ENCODING is binary or ternary, TERN_DOT 1 or 0
// (gemv).
#include <tern/dot.hpp>
#include <tern/gemv.hpp>

using rows = tern::packed_rows<tern::TERN_ENCODING>;
#if TERN_DOT
tern::status measured(const rows& x, const rows& w, std::int32_t& y) noexcept;
tern::status measured(const rows& x, const rows& w, std::int32_t& y) noexcept { return tern::dot(x, w, y); }
#else
using panels = tern::packed_panels<tern::TERN_ENCODING>;
using result = tern::matrix_view<std::int32_t>;
tern::status measured(const rows& x, const panels& w, const result& y) noexcept;
tern::status measured(const rows& x, const panels& w, const result& y) noexcept { return tern::gemv(x, w, y); }
#endif
