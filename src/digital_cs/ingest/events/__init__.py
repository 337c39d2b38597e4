"""Events as SDKs send them."""
