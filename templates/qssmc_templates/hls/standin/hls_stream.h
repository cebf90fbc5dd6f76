// Stand-in for the vendor's hls_stream.h: an unbounded first-in first-out queue, for builds without it.
//
// Reading an empty stream ends the program: in hardware it would wait for ever. Apache License, Version 2.0.
#ifndef QSSM_STANDIN_HLS_STREAM_H
#define QSSM_STANDIN_HLS_STREAM_H

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace hls {

template <class T> class stream {
public:
    stream() : name_("stream"), first_(0) {}
    explicit stream(const char *name) : name_(name), first_(0) {}

    bool empty() const { return first_ == items_.size(); }
    std::size_t size() const { return items_.size() - first_; }
    void write(const T &item) { items_.push_back(item); }
    T read()
    {
        if (empty()) {
            std::fprintf(stderr, "stream %s is read while it is empty\n", name_);
            std::abort();
        }
        const T item = items_[first_++];
        if (first_ == items_.size()) {
            items_.clear();
            first_ = 0;
        }
        return item;
    }
    void read(T &item) { item = read(); }
    stream &operator<<(const T &item)
    {
        write(item);
        return *this;
    }
    stream &operator>>(T &item)
    {
        item = read();
        return *this;
    }

private:
    stream(const stream &);
    stream &operator=(const stream &);

    const char *name_;
    std::vector<T> items_;
    std::size_t first_;
};

} // namespace hls

#endif
