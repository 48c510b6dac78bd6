// SPDX-License-Identifier: MIT
// An executor for tern::run over OpenMP. Compile with -fopenmp; without it the tasks run one after the other.
#pragma once

#include <cstddef>
#if defined(_OPENMP)
#include <omp.h>
#endif

namespace tern_example {

struct openmp {
    [[nodiscard]] static std::size_t concurrency() noexcept {
#if defined(_OPENMP)
        return static_cast<std::size_t>(omp_get_max_threads());
#else
        return 1;
#endif
    }
    template <class Task>
    void operator()(std::size_t n, const Task& task) const {
#if defined(_OPENMP)
#pragma omp parallel for schedule(dynamic, 1)
#endif
        for (std::size_t i = 0; i < n; ++i) task(i);
    }
};

}  // namespace tern_example
