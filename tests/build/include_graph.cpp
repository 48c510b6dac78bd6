// SPDX-License-Identifier: MIT
// include_graph <include directory>: draws who includes whom and fails on an arrow that runs back up.
//
// Every header lives on a floor. It may include what lies on its own floor, as long as no circle arises, and below.
// Two kinds of arrow are judged apart: an operation includes its kernels as its last lines (the body, which sits on
// the operation's declaration), and <tern/tern.hpp> includes every public header.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

struct room {
    const char* name;
    int floor;
    const char* headers;  // regular expression
    const char* standard;  // regular expression of foreign headers that may be included
};

#define CORE "cstddef|cstdint|limits|type_traits|cstring"
const room rooms[] = {
    {"version", 0, "version", CORE},
    {"config", 1, "config", CORE},
    {"words", 2, "arch|status|encoding|parallel|simd/bits", CORE},
    {"registers", 3, "simd/(scalar|bytes|byte_planes|channel_bytes|floats|full_adder|lookup|sevens|plane_bytes|real|reals|signed_adds|stages|streams)", CORE},
    {"registers (xsimd)", 3, "simd/batch", CORE "|xsimd/xsimd\\.hpp"},
    {"registers (x86)", 3, "simd/x86", CORE "|immintrin\\.h"},
    {"registers (Cortex-M)", 3, "simd/arm_dsp", CORE "|arm_acle\\.h"},
    {"registers (leaves of one purpose)", 3, "simd/(batch|x86|arm)_\\w+", CORE},
    {"registers (Arm)", 3, "simd/arm", CORE "|arm_neon\\.h|arm_mve\\.h|arm_sve\\.h"},
    {"shapes", 3, "view|window|layout|layout_tiles", CORE},
    {"work", 4, "pack|pack_tiles|epilogue|fused|fold|quantize/\\w+", CORE},
    {"kernels", 5, "kernel/\\w+/\\w+", CORE},
    {"dot", 6, "dot", CORE},
    {"products", 7, "gemv|gemm(_\\w+)?", CORE},
    {"plans", 9, "plan(_\\w+)?|layer(_\\w+)?", CORE},
    {"windows", 8, "conv(_\\w+)?|pool|depthwise", CORE},
    {"reference", 8, "reference(/\\w+)?", CORE},
    {"owners", 9, "buffer", CORE "|memory|new|utility"},
    {"doors", 9, "dispatch(/\\w+)?", CORE "|atomic|cstdlib|cpuid\\.h|sys/auxv\\.h|sys/prctl\\.h|sys/sysctl\\.h"},
    {"processing elements (text)", 9, "pe/verilog(_\\w+)?", CORE "|array|initializer_list|set|string|vector"},
    {"processing elements", 9, "pe/\\w+", CORE},
    {"umbrella", 10, "tern", ""},
};
#undef CORE

const std::regex kernel("kernel/.*");
const std::regex operation("pack|pack_tiles|epilogue|quantize/\\w+|dot|gemv|gemm(_\\w+)?|conv(_\\w+)?|pool|depthwise");
const std::regex internal("kernel/.*|simd/.*|dispatch.*|pe/.*|tern");  // or opt-in
const std::regex reference("reference.*");
const std::regex oracle("config|status|encoding|view|window|layout|layout_tiles|epilogue|fused|reference.*|pack|quantize/granularity");

const room* room_of(const std::string& header) {
    for (const room& r : rooms)
        if (std::regex_match(header, std::regex(r.headers))) return &r;
    return nullptr;
}

class graph {
public:
    explicit graph(const fs::path& root) {
        for (const auto& entry : fs::recursive_directory_iterator(root / "tern"))
            if (entry.is_regular_file()) read(entry.path(), fs::relative(entry.path(), root / "tern").generic_string());
    }

    void draw() const {
        for (const room& r : rooms)
            for (const auto& [from, targets] : arrows_) {
                if (room_of(from) != &r) continue;
                std::cout << r.floor << "  " << r.name << ": " << from << " ->";
                for (const std::string& to : targets) std::cout << ' ' << to;
                std::cout << '\n';
            }
    }

    int judge() {
        std::size_t count = 0;
        for (const auto& [from, targets] : arrows_) {
            const room* home = room_of(from);
            if (home == nullptr) {
                fail(from, "has no room in the house; see tests/build/include_graph.cpp");
                continue;
            }
            for (const std::string& to : targets) {
                ++count;
                judge_arrow(from, *home, to);
            }
            for (const std::string& to : foreign_[from])
                if (!std::regex_match(to, std::regex(home->standard))) fail(from, "may not include <" + to + ">");
            std::set<std::string> kinds;
            for (const std::string& to : targets)
                if (std::smatch kind; std::regex_match(to, kind, std::regex("simd/(batch|x86|arm)(_\\w+)?")))
                    kinds.insert(kind[1]);
            if (kinds.size() > 1) fail(from, "includes more than one kind of vector register");
            if (arrows_.count("tern") != 0 && !std::regex_match(from, internal) && arrows_["tern"].count(from) == 0)
                fail(from, "is public, but <tern/tern.hpp> does not include it");
        }
        for (const auto& [from, targets] : arrows_) find_circle(from);
        std::cout << arrows_.size() << " headers, " << count << " arrows, " << faults_ << " faults\n";
        return faults_ == 0 && !arrows_.empty() ? 0 : 1;
    }

private:
    void read(const fs::path& file, std::string name) {
        name.erase(name.rfind('.'));
        arrows_[name];
        std::ifstream in(file);
        const std::regex include(R"(\s*#\s*include\s*[<"](?:(tern/)(.*)\.hpp|([^>"]*))[>"].*)");
        for (std::string line; std::getline(in, line);) {
            std::smatch match;
            if (!std::regex_match(line, match, include)) continue;
            if (match[1].matched)
                arrows_[name].insert(match[2]);
            else
                foreign_[name].insert(match[3]);
        }
    }

    static bool is_body(const std::string& from, const std::string& to) {
        return std::regex_match(from, operation) && std::regex_match(to, kernel);
    }

    void judge_arrow(const std::string& from, const room& home, const std::string& to) {
        const room* target = room_of(to);
        if (arrows_.count(to) == 0)
            fail(from, "includes " + to + ", which does not exist");
        else if (target != nullptr && target->floor > home.floor && !is_body(from, to))
            fail(from, "-> " + to + " runs back up");
        else if (std::regex_match(from, reference) && !std::regex_match(to, oracle))
            fail(from, "-> " + to + ": the reference shares no code with the kernels");
    }

    void find_circle(const std::string& from) {
        if (done_.count(from) != 0) return;
        const auto at = std::find(path_.begin(), path_.end(), from);
        if (at != path_.end()) {
            std::string circle;
            for (auto i = at; i != path_.end(); ++i) circle += *i + " -> ";
            fail(from, "is on a circle: " + circle + from);
            return;
        }
        path_.push_back(from);
        for (const std::string& to : arrows_[from])
            if (!is_body(from, to)) find_circle(to);
        path_.pop_back();
        done_.insert(from);
    }

    void fail(const std::string& header, const std::string& reason) {
        ++faults_;
        std::cout << "FAULT: " << header << ' ' << reason << '\n';
    }

    std::map<std::string, std::set<std::string>> arrows_;
    std::map<std::string, std::set<std::string>> foreign_;
    std::set<std::string> done_;
    std::vector<std::string> path_;
    int faults_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2 || !fs::is_directory(fs::path(argv[1]) / "tern")) {
        std::cout << "usage: include_graph <directory that holds tern/>\n";
        return 2;
    }
    graph g(argv[1]);
    g.draw();
    return g.judge();
}
