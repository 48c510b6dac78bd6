// SPDX-License-Identifier: MIT
// The loop nest of every matrix product: row blocks outside, panels of outputs inside (as many as stay near),
// accumulators handed to a sink.
// What multiplies is a *product*, one class a kind of operands and algorithm:
//
//   arch                              the architecture tag
//   row_block                         rows whose accumulators are kept together
//   row_step                          divides row_block
//   panels                            panels of 16 outputs that `multiply` covers at a time
//   rows(), depth(), outputs()        the shape
//   select(row, rows, from, to)       the rows and positions of depth that what follows is about: rows <= row_block,
//                                     `from` a multiple of 32. What depends on the rows alone is computed here, once.
//   row_sum(r)                        sum of the activations of selected row r over the selected depth
//   multiply(panel, count, acc, stride)   acc[r * stride + o] = product of selected row r and output o of the panels
//                                     [panel, panel + count), over the selected depth. `panel` - first panel of the run
//                                     is a multiple of `panels`. Behind the last row, up to a multiple of `row_step`,
//                                     and behind the last output, up to `panels` panels, anything may be written.
//   exact                             whether `multiply` leaves alone what is behind the last row, the last of `count`
//                                     panels and the last output
//   near_panels()                     panels, a multiple of `panels`, whose weights stay in the second-level cache
//                                     while all rows pass
//   weight_sums(panel, sums)          sums of a panel's 16 weight vectors over the whole depth
#pragma once

#include <tern/kernel/gemm/sink.hpp>

namespace tern::kernel {

template <class Product, class Sink>
class gemm_driver {
    using arch = typename Product::arch;
    static constexpr size_t row_block = Product::row_block;
    static constexpr size_t panels = Product::panels;
    static constexpr size_t stride = panels * panel_outputs;
    static constexpr bool always_direct = Sink::direct && Product::exact;

    Product& product_;
    Sink sink_;
    size_t depth_;
    size_t group_;  // positions of depth that share a weight scale
    bool wants_sums_ = false;
    // The row block at work.
    std::int32_t acc_[always_direct ? 1 : row_block * stride];
    double total_[Sink::real ? row_block * stride : 1];  // of the groups so far
    simd::row_terms terms_[Sink::real ? row_block : 1];
    size_t dst_rows_[row_block];

public:
    TERN_INLINE gemm_driver(Product& product, const Sink& sink) noexcept
        : product_(product), sink_(sink), depth_(product.depth()), group_(depth_) {
        if constexpr (Sink::real) {
            if (sink.epilogue.group != 0 && sink.epilogue.group < depth_) group_ = sink.epilogue.group;
            wants_sums_ = sink.epilogue.weights.offset.data != nullptr;
        }
    }

    TERN_INLINE void run(size_t first_panel, size_t last_panel) noexcept {
        // All at once where that is little more: what depends on the rows is then computed once.
        const size_t near = product_.near_panels();
        const bool parts = product_.rows() > row_block && (last_panel - first_panel) / 4 >= near;
        do {  // one call: it is the whole product
            const size_t next = parts && last_panel - first_panel > near ? first_panel + near : last_panel;
            run_panels(first_panel, next);
            first_panel = next;
        } while (first_panel < last_panel);
    }

private:
    TERN_INLINE void run_panels(size_t first_panel, size_t last_panel) noexcept {
        for (size_t row = 0; row < product_.rows(); row += row_block) {
            const size_t left = product_.rows() - row;
            const size_t rows = left < row_block ? left : row_block;
            for (size_t r = 0; r < rows; ++r) dst_rows_[r] = row + r;
            if (group_ == depth_) select(row, rows, 0, depth_);
            for (size_t panel = first_panel; panel < last_panel; panel += panels) {
                const size_t count = last_panel - panel < panels ? last_panel - panel : panels;
                if (group_ == depth_)
                    run_whole(rows, panel, count);
                else if constexpr (Sink::real)
                    run_groups(row, rows, panel, count);
            }
        }
    }

    TERN_INLINE void select(size_t row, size_t rows, size_t from, size_t to) noexcept {
        product_.select(row, rows, from, to);
        if constexpr (Sink::real)
            for (size_t r = 0; r < rows; ++r)
                terms_[r] = sink_.row_terms(row + r, wants_sums_ ? product_.row_sum(r) : 0,
                                            static_cast<std::int32_t>(to - from));
    }

    TERN_INLINE void run_whole(size_t rows, size_t panel, size_t count) noexcept {
        std::int32_t* to = acc_;
        size_t to_stride = stride;
        if constexpr (Sink::direct) {  // straight to the destination, where all that is written there exists
            if (always_direct || (count == panels && (panel + panels) * panel_outputs <= sink_.dst.cols &&
                                  rows % Product::row_step == 0)) {
                to = sink_.dst.row(dst_rows_[0]) + panel * panel_outputs;
                to_stride = sink_.dst.stride;
            }
        }
        product_.multiply(panel, count, to, to_stride);
        if (to != acc_) return;
        for (size_t p = 0; p < count; ++p) {
            std::int32_t sums[panel_outputs] = {};
            if constexpr (Sink::real) product_.weight_sums(panel + p, sums);
            store_panel<arch>(sink_, panel + p, acc_ + p * panel_outputs, stride, rows, dst_rows_, terms_, sums);
        }
    }

    /// The product one group of depth after the other, terms added up in double.
    TERN_INLINE void run_groups(size_t row, size_t rows, size_t panel, size_t count) noexcept {
        for (double& total : total_) total = 0.0;
        for (size_t group = 0, from = 0; from < depth_; ++group, from += group_) {
            select(row, rows, from, depth_ - from < group_ ? depth_ : from + group_);
            product_.multiply(panel, count, acc_, stride);
            for (size_t p = 0; p < count; ++p) {
                std::int32_t sums[panel_outputs];
                read_group_sums(panel + p, group, sums);
                add_group<arch>(sink_, panel + p, group, acc_ + p * panel_outputs, stride, rows, terms_, sums,
                                total_ + p * panel_outputs);
            }
        }
        for (size_t p = 0; p < count; ++p)
            store_groups<arch>(sink_, panel + p, total_ + p * panel_outputs, stride, rows, dst_rows_);
    }

    TERN_INLINE void read_group_sums(size_t panel, size_t group, std::int32_t* sums) const noexcept {
        const std::int32_t* given = sink_.epilogue.group_sums;
        const size_t groups = bits::ceil_div(depth_, group_);
        const size_t lanes = lanes_of(product_.outputs(), panel);
        for (size_t i = 0; i < panel_outputs; ++i)
            sums[i] = given == nullptr || i >= lanes ? 0 : given[(panel * panel_outputs + i) * groups + group];
    }
};

/// The loop nest as one function a (product, sink): its symbol carries the product's architecture tag.
template <class Product, class Sink, class Lhs, class Rhs>
void run_gemm(const Lhs& lhs, const Rhs& rhs, size_t first_panel, size_t last_panel, const Sink& sink) noexcept {
    Product product(lhs, rhs);
    gemm_driver<Product, Sink>(product, sink).run(first_panel, last_panel);
}

}  // namespace tern::kernel
