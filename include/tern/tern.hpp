// SPDX-License-Identifier: MIT
// The whole library: every public header, nothing else.
#pragma once

#include <tern/arch.hpp>
#include <tern/buffer.hpp>
#include <tern/config.hpp>
#include <tern/conv.hpp>
#include <tern/dot.hpp>
#include <tern/encoding.hpp>
#include <tern/epilogue.hpp>
#include <tern/gemm.hpp>
#include <tern/gemm_bytes.hpp>
#include <tern/gemm_float.hpp>
#include <tern/gemm_lookup.hpp>
#include <tern/gemv.hpp>
#include <tern/layout.hpp>
#include <tern/pack.hpp>
#include <tern/parallel.hpp>
#include <tern/plan.hpp>
#include <tern/pool.hpp>
#include <tern/quantize/absmean.hpp>
#include <tern/quantize/activations.hpp>
#include <tern/quantize/bwn.hpp>
#include <tern/quantize/granularity.hpp>
#include <tern/quantize/least_squares.hpp>
#include <tern/quantize/normal.hpp>
#include <tern/quantize/packing.hpp>
#include <tern/quantize/random.hpp>
#include <tern/quantize/rtn.hpp>
#include <tern/quantize/rtn_packed.hpp>
#include <tern/quantize/twn.hpp>
#include <tern/reference.hpp>
#include <tern/reference/quantize.hpp>
#include <tern/status.hpp>
#include <tern/version.hpp>
#include <tern/view.hpp>
#include <tern/window.hpp>
