"""Files, objects and large values between the working directory and the catalog."""
