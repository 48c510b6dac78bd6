// SPDX-License-Identifier: MIT
// Hosted convenience: memory that owns itself, and packing that allocates. Nothing else in the library depends on it.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <utility>

#include <tern/pack_tiles.hpp>

namespace tern {

/// Zeroed array on a 64-byte boundary. Movable; empty when the allocation failed (`data() == nullptr`).
template <class T>
class buffer {
    static_assert(std::is_trivial_v<T>, "tern::buffer holds plain numbers");

public:
    static constexpr size_t alignment = 64;

    buffer() noexcept = default;
    explicit buffer(size_t size) noexcept {
        if (size == 0 || size > static_cast<size_t>(-1) / sizeof(T)) return;
        memory_.reset(static_cast<T*>(::operator new (size * sizeof(T), std::align_val_t{alignment}, std::nothrow)));
        if (!memory_) return;
        size_ = size;
        std::memset(memory_.get(), 0, size * sizeof(T));
    }
    buffer(buffer&& other) noexcept : memory_(std::move(other.memory_)), size_(std::exchange(other.size_, 0)) {}
    buffer& operator=(buffer&& other) noexcept {
        memory_ = std::move(other.memory_);
        size_ = std::exchange(other.size_, 0);
        return *this;
    }

    [[nodiscard]] T* data() noexcept { return memory_.get(); }
    [[nodiscard]] const T* data() const noexcept { return memory_.get(); }
    [[nodiscard]] size_t size() const noexcept { return size_; }
    [[nodiscard]] T& operator[](size_t i) noexcept { return memory_.get()[i]; }
    [[nodiscard]] const T& operator[](size_t i) const noexcept { return memory_.get()[i]; }

private:
    struct release {
        void operator()(T* p) const noexcept { ::operator delete (p, std::align_val_t{alignment}); }
    };
    std::unique_ptr<T, release> memory_;
    size_t size_ = 0;
};

/// A packed view and the memory behind it. Movable; what was moved from is an empty view. `state` says why making it
/// failed (`buffer_size`: no memory); the view is then empty too, and every operation on it reports a shape that does
/// not fit.
template <class View>
class owner : public View {
public:
    status state = status::ok;

    owner() noexcept = default;
    owner(owner&& other) noexcept
        : View(std::exchange(other.view(), View{})), state(other.state), memory_(std::move(other.memory_)) {}
    owner& operator=(owner&& other) noexcept {
        view() = std::exchange(other.view(), View{});
        state = other.state;
        memory_ = std::move(other.memory_);
        return *this;
    }

protected:
    [[nodiscard]] View& view() noexcept { return *this; }

    /// Zeroed memory for `words`, where `needed` says whether there is anything to store at all.
    [[nodiscard]] bool allocate(size_t words, bool needed) noexcept {
        memory_ = buffer<word>(words);
        if (needed && memory_.data() == nullptr) state = words == 0 ? status::overflow : status::buffer_size;
        return state == status::ok;
    }

    buffer<word> memory_;
};

/// Packed weights that own their memory; a `packed_panels` wherever one is asked for.
template <class Encoding>
class packed_matrix : public owner<packed_panels<Encoding>> {
public:
    packed_matrix() noexcept = default;
    /// `taps_` as in `pack_panels`.
    template <class Source>
    explicit packed_matrix(const Source& source, size_t taps_ = 1) noexcept {
        const size_t m = detail::source_rows(source);
        const size_t k = detail::source_depth(source);
        const bool divides = taps_ != 0 && k % taps_ == 0;  // else pack_panels says so
        if (divides && !this->allocate(panels_words<Encoding>(m, taps_, k / taps_), m != 0 && k != 0)) return;
        this->state = pack_panels<Encoding>(source, this->memory_.data(), this->memory_.size(), this->view(), taps_);
    }
};

/// Ternary weights in a layout of tiles that own their memory: what the classes below are.
template <class View>
class packed_tile_matrix : public owner<View> {
public:
    packed_tile_matrix() noexcept = default;
    /// These layouts have no taps: anything but 1 is a shape that does not fit.
    template <class Source>
    explicit packed_tile_matrix(const Source& source, size_t taps = 1) noexcept {
        const size_t m = detail::source_rows(source);
        const size_t k = detail::source_depth(source);
        if (taps != 1) this->state = status::bad_shape;
        if (taps != 1 || !this->allocate(View::bytes_for(m, k) / sizeof(word), m != 0 && k != 0)) return;
        this->state = detail::pack_tiles<default_arch>(source, reinterpret_cast<std::uint8_t*>(this->memory_.data()),
                                                       this->memory_.size() * sizeof(word), this->view());
    }
};

/// Ternary weights as lookup indices; a `packed_indices` wherever one is asked for.
using packed_index_matrix = packed_tile_matrix<packed_indices>;

/// Ternary weights as 2-bit codes; a `packed_codes` wherever one is asked for.
template <>
class packed_matrix<ternary_code> : public packed_tile_matrix<packed_codes> {
    using packed_tile_matrix::packed_tile_matrix;
};

/// Ternary weights in 1.6 bits; a `packed_trits` wherever one is asked for.
template <>
class packed_matrix<trit> : public packed_tile_matrix<packed_trits> {
    using packed_tile_matrix::packed_tile_matrix;
};

/// Ternary weights as places in tables of sums; a `packed_sevens` wherever one is asked for.
template <>
class packed_matrix<ternary_seven> : public packed_tile_matrix<packed_sevens> {
    using packed_tile_matrix::packed_tile_matrix;
};

/// Packed activations that own their memory; a `mutable_packed_rows` wherever one is asked for.
template <class Encoding>
class packed_activations : public owner<mutable_packed_rows<Encoding>> {
    using rows_view = mutable_packed_rows<Encoding>;

public:
    packed_activations() noexcept = default;
    /// All zero bits, to be written by an operation.
    packed_activations(size_t rows_, size_t depth_) noexcept {
        if (this->allocate(rows_words<Encoding>(rows_, depth_), rows_ != 0 && depth_ != 0))
            this->view() = rows_view(this->memory_.data(), rows_, depth_);
    }
    template <class Source>
    explicit packed_activations(const Source& source) noexcept
        : packed_activations(detail::source_rows(source), detail::source_depth(source)) {
        if (this->state != status::ok) return;
        this->state = tern::pack_rows<Encoding>(source, this->view());
        if (this->state != status::ok) this->view() = rows_view{};
    }
};

/// Packs weights (outputs x depth) into memory of its own: panels, or codes for `ternary_code`. `taps` as in
/// `pack_panels`.
template <class Encoding, class Source>
[[nodiscard]] packed_matrix<Encoding> pack(const Source& source, size_t taps = 1) noexcept {
    return packed_matrix<Encoding>(source, taps);
}

/// Packs activations (rows x depth) into memory of its own.
template <class Encoding, class Source>
[[nodiscard]] packed_activations<Encoding> pack_rows(const Source& source) noexcept {
    return packed_activations<Encoding>(source);
}

/// Packs ternary weights (outputs x depth) as lookup indices into memory of their own.
template <class Source>
[[nodiscard]] packed_index_matrix pack_indices(const Source& source) noexcept {
    return packed_index_matrix(source);
}

}  // namespace tern
