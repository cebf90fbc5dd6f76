// Stand-in for the vendor's ap_int.h: the part of ap_int and ap_uint that the emitted code uses, for builds without it.
//
// Arithmetic is exact: every result is as wide as it can need, as with the vendor's types; only assigning to a type
// wraps.
// Widths up to 127 bits. Licensed under the Apache License, Version 2.0.
#ifndef QSSM_STANDIN_AP_INT_H
#define QSSM_STANDIN_AP_INT_H

#include <cstdint>
#include <limits>
#include <type_traits>

namespace qssm_standin {

__extension__ typedef __int128 wide;
__extension__ typedef unsigned __int128 unsigned_wide;

constexpr int larger(int a, int b) { return a > b ? a : b; }
constexpr int smaller(int a, int b) { return a < b ? a : b; }

// A signed built-in type that holds every value of W bits, and its unsigned twin.
template <int W, bool S> struct holder {
    static_assert(W >= 1 && W + !S <= 128, "the stand-in has integers of 1 to 127 bits");
    static const bool narrow = W + !S <= 64;
    typedef typename std::conditional<narrow, std::int64_t, wide>::type type;
    typedef typename std::conditional<narrow, std::uint64_t, unsigned_wide>::type raw;
    static const int bits = narrow ? 64 : 128;
};

} // namespace qssm_standin

template <int W, bool S> struct ap_int_base {
    typedef qssm_standin::holder<W, S> holder;
    typedef typename holder::type value_type;
    typedef typename holder::raw raw_type;
    static const int width = W;
    static const bool sign_flag = S;
    static const int spare = holder::bits - W;

    value_type value;

    constexpr ap_int_base() : value(0) {}
    template <class T, class = typename std::enable_if<std::is_integral<T>::value>::type>
    constexpr ap_int_base(T other) : value(wrap(static_cast<raw_type>(other))) {}
    template <int W2, bool S2>
    constexpr ap_int_base(const ap_int_base<W2, S2> &other) : value(wrap(static_cast<raw_type>(other.value))) {}

    // The lowest W bits as a value of this type.
    static constexpr value_type wrap(raw_type bits)
    {
        return S ? static_cast<value_type>(static_cast<raw_type>(bits << spare)) >> spare
                 : static_cast<value_type>(static_cast<raw_type>(bits << spare) >> spare);
    }

    int to_int() const { return static_cast<int>(value); }
    std::int64_t to_int64() const { return static_cast<std::int64_t>(value); }
    std::uint64_t to_uint64() const { return static_cast<std::uint64_t>(value); }
    explicit operator bool() const { return value != 0; }

    // Shifts keep the width; what leaves it is lost. Amounts must not be negative.
    ap_int_base operator<<(int amount) const
    {
        return made(amount < W ? wrap(static_cast<raw_type>(static_cast<raw_type>(value) << amount)) : value_type(0));
    }
    ap_int_base operator>>(int amount) const { return made(value >> qssm_standin::smaller(amount, holder::bits - 1)); }
    ap_int_base operator~() const { return made(wrap(static_cast<raw_type>(~value))); }
    bool operator!() const { return value == 0; }
    ap_int_base &operator<<=(int amount) { return *this = *this << amount; }
    ap_int_base &operator>>=(int amount) { return *this = *this >> amount; }
    template <class T> ap_int_base &operator+=(const T &other) { return *this = ap_int_base(*this + other); }
    template <class T> ap_int_base &operator-=(const T &other) { return *this = ap_int_base(*this - other); }
    template <class T> ap_int_base &operator*=(const T &other) { return *this = ap_int_base(*this * other); }
    ap_int_base &operator++() { return *this += 1; }
    ap_int_base &operator--() { return *this -= 1; }

private:
    static ap_int_base made(value_type value)
    {
        ap_int_base result;
        result.value = value;
        return result;
    }
};

template <int W> struct ap_int : ap_int_base<W, true> {
    constexpr ap_int() {}
    template <class T> constexpr ap_int(const T &other) : ap_int_base<W, true>(other) {}
};

template <int W> struct ap_uint : ap_int_base<W, false> {
    constexpr ap_uint() {}
    template <class T> constexpr ap_uint(const T &other) : ap_int_base<W, false>(other) {}
};

namespace qssm_standin {

// Types of results, as wide as the exact result can need.
template <int W1, bool S1, int W2, bool S2> struct result {
    static const int common = larger(W1 + (S2 && !S1), W2 + (S1 && !S2));
    typedef ap_int_base<common + 1, (S1 || S2)> plus;
    typedef ap_int_base<common + 1, true> minus;
    typedef ap_int_base<W1 + W2, (S1 || S2)> mult;
    typedef ap_int_base<W1 + S2, (S1 || S2)> div;
    typedef ap_int_base<smaller(W1, W2 + (!S2 && S1)), S1> mod;
    typedef ap_int_base<common, (S1 || S2)> logic;
};

// The ap_int_base that a built-in integer stands for.
template <class T> struct builtin {
    static const bool is_signed = std::numeric_limits<T>::is_signed;
    typedef ap_int_base<std::numeric_limits<T>::digits + is_signed, is_signed> type;
};

} // namespace qssm_standin

#define QSSM_STANDIN_ARITHMETIC(op, kind)                                                                             \
    template <int W1, bool S1, int W2, bool S2>                                                                       \
    typename qssm_standin::result<W1, S1, W2, S2>::kind operator op(const ap_int_base<W1, S1> &a,                     \
                                                                    const ap_int_base<W2, S2> &b)                     \
    {                                                                                                                 \
        typedef typename qssm_standin::result<W1, S1, W2, S2>::kind R;                                                \
        typedef typename std::conditional<(sizeof(typename R::value_type) > 8 || sizeof(a.value) > 8 ||               \
                                           sizeof(b.value) > 8),                                                      \
                                          qssm_standin::wide, std::int64_t>::type work;                               \
        R r;                                                                                                          \
        const work exact = static_cast<work>(a.value) op static_cast<work>(b.value);                                  \
        r.value = R::wrap(static_cast<typename R::raw_type>(exact));                                                  \
        return r;                                                                                                     \
    }                                                                                                                 \
    QSSM_STANDIN_MIXED(op)

#define QSSM_STANDIN_MIXED(op)                                                                                        \
    template <int W, bool S, class T, class = typename std::enable_if<std::is_integral<T>::value>::type>              \
    auto operator op(const ap_int_base<W, S> &a, T b)->decltype(a op typename qssm_standin::builtin<T>::type(b))      \
    {                                                                                                                 \
        return a op typename qssm_standin::builtin<T>::type(b);                                                       \
    }                                                                                                                 \
    template <int W, bool S, class T, class = typename std::enable_if<std::is_integral<T>::value>::type>              \
    auto operator op(T a, const ap_int_base<W, S> &b)->decltype(typename qssm_standin::builtin<T>::type(a) op b)      \
    {                                                                                                                 \
        return typename qssm_standin::builtin<T>::type(a) op b;                                                       \
    }

#define QSSM_STANDIN_COMPARISON(op)                                                                                   \
    template <int W1, bool S1, int W2, bool S2>                                                                       \
    bool operator op(const ap_int_base<W1, S1> &a, const ap_int_base<W2, S2> &b)                                      \
    {                                                                                                                 \
        return a.value op b.value;                                                                                    \
    }                                                                                                                 \
    QSSM_STANDIN_MIXED(op)

QSSM_STANDIN_ARITHMETIC(+, plus)
QSSM_STANDIN_ARITHMETIC(-, minus)
QSSM_STANDIN_ARITHMETIC(*, mult)
QSSM_STANDIN_ARITHMETIC(/, div)
QSSM_STANDIN_ARITHMETIC(%, mod)
QSSM_STANDIN_ARITHMETIC(&, logic)
QSSM_STANDIN_ARITHMETIC(|, logic)
QSSM_STANDIN_ARITHMETIC(^, logic)
QSSM_STANDIN_COMPARISON(==)
QSSM_STANDIN_COMPARISON(!=)
QSSM_STANDIN_COMPARISON(<)
QSSM_STANDIN_COMPARISON(<=)
QSSM_STANDIN_COMPARISON(>)
QSSM_STANDIN_COMPARISON(>=)

#undef QSSM_STANDIN_ARITHMETIC
#undef QSSM_STANDIN_MIXED
#undef QSSM_STANDIN_COMPARISON

template <int W, bool S> typename qssm_standin::result<1, false, W, S>::minus operator-(const ap_int_base<W, S> &a)
{
    return ap_int_base<1, false>(0) - a;
}

#endif
