// SPDX-License-Identifier: MIT
// An executor for tern::run over a pool of std::thread: the caller works too, tasks are handed out one at a time.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace tern_example {

class thread_pool {
public:
    /// `threads` counts the caller's.
    explicit thread_pool(std::size_t threads) {
        for (std::size_t i = 1; i < threads; ++i) workers_.emplace_back([this] { work(); });
    }
    ~thread_pool() {
        {
            const std::lock_guard lock(mutex_);
            stop_ = true;
        }
        wake_.notify_all();
        for (std::thread& worker : workers_) worker.join();
    }
    thread_pool(const thread_pool&) = delete;
    thread_pool& operator=(const thread_pool&) = delete;

    [[nodiscard]] std::size_t concurrency() const noexcept { return workers_.size() + 1; }

    /// One caller at a time.
    void operator()(std::size_t n, const std::function<void(std::size_t)>& task) {
        std::unique_lock lock(mutex_);
        task_ = &task;
        next_ = 0;
        end_ = n;
        open_ = n;
        wake_.notify_all();
        take_tasks(lock);
        done_.wait(lock, [this] { return open_ == 0; });
        task_ = nullptr;
    }

private:
    void work() {
        std::unique_lock lock(mutex_);
        while (!stop_) {
            take_tasks(lock);
            wake_.wait(lock, [this] { return stop_ || next_ < end_; });
        }
    }
    void take_tasks(std::unique_lock<std::mutex>& lock) {
        while (next_ < end_) {
            const std::size_t mine = next_++;
            const auto& task = *task_;
            lock.unlock();
            task(mine);
            lock.lock();
            if (--open_ == 0) done_.notify_all();
        }
    }

    std::mutex mutex_;
    std::condition_variable wake_;
    std::condition_variable done_;
    const std::function<void(std::size_t)>* task_ = nullptr;
    std::size_t next_ = 0;
    std::size_t end_ = 0;
    std::size_t open_ = 0;
    bool stop_ = false;
    std::vector<std::thread> workers_;
};

}  // namespace tern_example
