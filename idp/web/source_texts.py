"""The texts about signing in by a source; `texts.py` takes them up. Vietnamese, English."""

T = tuple[str, str]

SOURCE_TEXTS: dict[str, T] = {
    "login.by": ("Đăng nhập bằng", "Sign in with"),
    "login.or": ("Hoặc dùng tài khoản của tỉnh", "Or use an account of the province"),
    "login.level": (
        "Dịch vụ này yêu cầu mức xác thực cao hơn. Quý vị vui lòng xác thực lại bằng một trong các "
        "cách sau đây.",
        "This service asks for a higher level of assurance. Please sign in again in one of these "
        "ways.",
    ),
    "outage.down": (
        "hiện đang gián đoạn. Quý vị không cần làm gì; nút đăng nhập sẽ hiện lại khi hoạt động trở lại.",
        "is interrupted at the moment. You need not do anything; its button comes back when it "
        "works again.",
    ),
    "outage.still": (
        "Trong thời gian này, Quý vị vẫn có thể đăng nhập vào dịch vụ này bằng:",
        "Meanwhile you can still sign in to this service with:",
    ),
    "outage.level": ("đến mức xác thực", "up to level of assurance"),
    "outage.password": (
        "Tài khoản của tỉnh: mức 1; mức 2 khi có mã xác thực",
        "An account of the province: level 1; level 2 with a code",
    ),
    "outage.nothing": (
        "Dịch vụ này cần chính cách đăng nhập đó nên tạm thời chưa vào được; chúng tôi không hạ mức "
        "xác thực. Các dịch vụ khác vẫn hoạt động. Quý vị vui lòng quay lại sau ít phút.",
        "This service needs that very way, so it cannot be entered for the moment; the level of "
        "assurance is not lowered. Other services go on. Please come back in a few minutes.",
    ),
    "directory.hint": (
        "Mật khẩu này chỉ được gửi đến hệ thống danh bạ của cơ quan để kiểm tra và không được lưu lại.",
        "This password only goes to your agency's directory, which checks it; it is not kept.",
    ),
    "directory.back": ("Chọn cách đăng nhập khác", "Choose another way to sign in"),
    "directory.help": (
        "Nếu quên tên đăng nhập hoặc mật khẩu, Quý vị vui lòng liên hệ bộ phận công nghệ thông tin của "
        "cơ quan.",
        "If you forgot your user name or your password, please contact the IT department of your "
        "agency.",
    ),
    "upstream.retry": ("Chọn cách đăng nhập", "Choose how to sign in"),
}
SOURCE_NOTICES: dict[str, tuple[T, T]] = {
    "upstream_refused": (
        ("Chưa đăng nhập được", "You are not signed in yet"),
        (
            "Câu trả lời từ nơi Quý vị vừa đăng nhập không hợp lệ, đã được dùng hoặc đã quá hạn. Để bảo "
            "vệ Quý vị, chúng tôi không sử dụng câu trả lời đó. Quý vị vui lòng đăng nhập lại từ đầu; "
            "nếu vẫn gặp lỗi, xin liên hệ bộ phận hỗ trợ.",
            "The answer from the place where you signed in is not valid, was used already, or is too "
            "old. To protect you, we do not use it. Please start the sign-in again; if it happens "
            "again, please contact support.",
        ),
    ),
    "upstream_unavailable": (
        ("Nơi đăng nhập này đang gián đoạn", "This way of signing in is interrupted"),
        (
            "Nơi Quý vị chọn để đăng nhập hiện không trả lời. Chưa có gì thay đổi. Quý vị vui lòng thử "
            "lại sau ít phút hoặc chọn cách đăng nhập khác.",
            "The place that you chose does not answer at the moment. Nothing has changed. Please try "
            "again in a few minutes, or choose another way to sign in.",
        ),
    ),
    "upstream_declined": (
        ("Quý vị chưa đăng nhập", "You did not sign in"),
        (
            "Việc đăng nhập đã dừng lại tại nơi Quý vị chọn. Quý vị có thể thử lại hoặc chọn cách "
            "đăng nhập khác.",
            "The sign-in was stopped at the place that you chose. You can try again, or choose "
            "another way to sign in.",
        ),
    ),
    "upstream_differs": (
        ("Thông tin định danh đã thay đổi", "Your identity data have changed"),
        (
            "Nơi Quý vị vừa đăng nhập cung cấp số định danh hoặc loại tài khoản khác với lần trước. Để "
            "bảo vệ Quý vị, chúng tôi chưa cho đăng nhập và đã báo cho bộ phận phụ trách. Quý vị vui "
            "lòng liên hệ bộ phận hỗ trợ.",
            "The place where you signed in gave another personal number or another kind of account "
            "than before. To protect you, you were not signed in, and the people in charge were "
            "told. Please contact support.",
        ),
    ),
    "directory_closed": (
        ("Tài khoản tại cơ quan không sử dụng được", "Your account at your agency cannot be used"),
        (
            "Tài khoản của Quý vị tại cơ quan đã bị khóa, đã hết hạn hoặc không được đăng nhập vào lúc "
            "này. Quý vị vui lòng liên hệ bộ phận công nghệ thông tin của cơ quan.",
            "Your account at your agency is disabled, has expired, or may not sign in at this time. "
            "Please contact the IT department of your agency.",
        ),
    ),
    "directory_password": (
        ("Quý vị cần đổi mật khẩu", "Your password must be changed"),
        (
            "Mật khẩu của Quý vị tại cơ quan đã hết hạn hoặc phải được đổi trước khi đăng nhập. Quý vị "
            "vui lòng đổi mật khẩu trên máy tính của cơ quan hoặc liên hệ bộ phận công nghệ thông tin, "
            "rồi đăng nhập lại.",
            "Your password at your agency has expired, or must be changed before you sign in. Please "
            "change it at a computer of your agency, or contact its IT department, and sign in again.",
        ),
    ),
    "directory_not_admitted": (
        ("Tài khoản chưa được phép đăng nhập", "This account may not sign in here"),
        (
            "Tài khoản của Quý vị tại cơ quan chưa thuộc nhóm được phép đăng nhập bằng cách này. Quý vị "
            "vui lòng liên hệ bộ phận công nghệ thông tin của cơ quan.",
            "Your account at your agency is not in a group that may sign in this way. Please contact "
            "the IT department of your agency.",
        ),
    ),
    "upstream_closed": (
        ("Tài khoản đã bị khóa", "The account is disabled"),
        (
            "Tài khoản gắn với định danh này đang bị khóa. Quý vị vui lòng liên hệ bộ phận hỗ trợ.",
            "The account of this identity is disabled. Please contact support.",
        ),
    ),
}
