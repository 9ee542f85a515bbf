"""Images: which one a reference means, whether the engine has it, and how smlocal's own are built."""
