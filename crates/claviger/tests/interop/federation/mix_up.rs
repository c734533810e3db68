//! Can one provider's answer be passed off as another's?
