"""The scenarios of this folder run as they are; those in broken/ fail on purpose and are run by their own tests."""

collect_ignore = ["broken"]
