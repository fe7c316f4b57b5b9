"""Correlation: sums of products per lag, templates found, shifts and delays estimated."""

from sigconv.correlation.sums import correlate, correlation_lags

__all__ = ["correlate", "correlation_lags"]
